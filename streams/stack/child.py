"""One process of the stack: started, watched, started again, ended."""

import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 30.0
# A process that lived this long is healthy: its next end is a first one again.
_HEALTHY_SECONDS = 60.0
_LARGEST_OUTPUT_BYTES = 10 << 20
_TAIL_BYTES = 64 << 10
_CAUSE = re.compile(r"^(Error: |Caused by: |\S*(Exception|Error)\b: )")


@dataclass(slots=True)
class Child:
    """A process that shall run.

    Attributes:
        name: receiver, worker, kafka.
        command: Program and arguments.
        environment: All its variables.
        output: File that its output is added to.
        problem: Returns why it cannot do its work yet, or None when it can.
        folder: Its working folder; None is ours.
        patience_seconds: From SIGTERM to SIGKILL.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    output: Path
    problem: Callable[[], str | None]
    folder: Path | None = None
    patience_seconds: float = 10.0
    _process: subprocess.Popen[bytes] | None = None
    _started: float = 0.0
    _delay: float = 0.0
    _output_start: int = field(default=0)

    @property
    def title(self) -> str:
        """Return its name as a sentence begins with it."""
        return "Kafka" if self.name == "kafka" else f"The {self.name}"

    @property
    def pid(self) -> int | None:
        """Return its process id while it runs."""
        process = self._process
        return None if process is None else process.pid

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches only us."""
        turn_over(self.output)
        with self.output.open("ab") as output:
            self._output_start = output.tell()
            self._process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started = time.monotonic()

    def ended(self) -> int | None:
        """Return its exit code when it has ended since it was started, else None."""
        return None if self._process is None else self._process.poll()

    def put_off(self) -> float:
        """Forget the ended process; return the seconds to wait before the next."""
        lived = time.monotonic() - self._started
        fresh = self._delay == 0.0 or lived >= _HEALTHY_SECONDS
        doubled = min(2 * self._delay, _LONGEST_DELAY_SECONDS)
        self._delay = _FIRST_DELAY_SECONDS if fresh else doubled
        self._process = None
        return self._delay

    def last_words(self) -> str:
        """Return what it said about its end."""
        return last_words(self.output, self._output_start)

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        if self._process is not None:
            self._process.terminate()

    def end(self) -> bool:
        """Ask it to end, and kill it when it does not; return whether it did."""
        process = self._process
        if process is None:
            return True
        process.terminate()
        try:
            process.wait(self.patience_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False
        finally:
            self._process = None
        return True


def last_words(output: Path, start: int) -> str:
    """Return the line of an output that tells best why a process ended.

    Args:
        output: Its file.
        start: Where its part of the file begins, bytes.
    """
    with output.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(start, size - _TAIL_BYTES))
        text = file.read().decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "it said nothing"
    causes = [line for line in lines if _CAUSE.match(line)]
    chosen = causes[-1] if causes else lines[-1]
    return chosen.removeprefix("Error: ").removeprefix("Caused by: ").rstrip(".")


def turn_over(output: Path) -> None:
    """Put a long output aside, so that two such files are the most there are."""
    if output.exists() and output.stat().st_size > _LARGEST_OUTPUT_BYTES:
        output.replace(output.with_suffix(".log.1"))
