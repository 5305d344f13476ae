"""Upkeep of the archive now and then, while the stack runs."""

import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.stack.child import last_words, turn_over
from streams.stack.console import say

_END_SECONDS = 10.0


@dataclass(slots=True)
class Upkeep:
    """Runs a command at intervals; its failure is said, and stops nothing.

    Attributes:
        command: Program and arguments; it ends by itself.
        environment: All its variables.
        output: File that its output is added to.
        every_seconds: From the end of one run to the beginning of the next.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    output: Path
    every_seconds: float

    def begin(self) -> Callable[[], None]:
        """Run it from now on, the first time after one interval.

        Returns:
            What ends it, a run that goes on too.
        """
        ending = threading.Event()
        thread = threading.Thread(
            target=self._run, args=(ending,), name="upkeep", daemon=True
        )
        thread.start()

        def end() -> None:
            ending.set()
            thread.join()

        return end

    def _run(self, ending: threading.Event) -> None:
        while not ending.wait(self.every_seconds):
            try:
                self._run_once(ending)
            except OSError as error:  # a full disk, no more processes
                say(f"Upkeep of the archive could not be started ({error.strerror}).")

    def _run_once(self, ending: threading.Event) -> None:
        turn_over(self.output)
        with self.output.open("ab") as output:
            begin = output.tell()
            process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while process.poll() is None and not ending.wait(0.2):
            pass
        if process.poll() is None:
            _end(process)
        elif process.returncode:
            said = last_words(self.output, begin)
            say(f"Upkeep of the archive failed: {said} (log: {self.output}).")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a run: killed at any point, it leaves the tables exact."""
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
