"""Keep the stack's processes alive, and end them in their order."""

import threading
import time
from collections.abc import Callable, Sequence

from streams.settings import ConfigurationError
from streams.stack.child import Child
from streams.stack.console import say

_LOOK_SECONDS = 0.1
_SAY_SECONDS = 30.0


class Supervisor:
    """Starts processes in the order they are given, ends them in the opposite one."""

    def __init__(self, changed: Callable[[Sequence[Child]], None]) -> None:
        """Begin with no process.

        Args:
            changed: Is told the processes whenever one was started.
        """
        self._children: list[Child] = []
        self._changed = changed
        self._due: dict[str, float] = {}
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)

    def start(self, child: Child) -> None:
        """Start a process and return at once."""
        self._children.append(child)
        child.start()
        self._changed(self._children)

    def wait_until_ready(self, child: Child) -> None:
        """Wait until a process can do its work; say now and then why it cannot yet.

        Raises:
            ConfigurationError: It, or one that was started before it, has ended.
        """
        next_say = time.monotonic() + _SAY_SECONDS
        while (problem := child.problem()) is not None:
            for each in self._children:
                _require_alive(each)
            if time.monotonic() >= next_say:
                say(f"{child.title} is not ready yet: {problem} (log: {child.output}).")
                next_say = time.monotonic() + _SAY_SECONDS
            time.sleep(_LOOK_SECONDS)

    def watch(self) -> None:
        """From now on start a process again when it ends."""
        self._watcher.start()

    def end(self) -> None:
        """End all processes, the last one started first."""
        self._ending.set()
        if self._watcher.is_alive():
            self._watcher.join()
        for child in reversed(self._children):
            if not child.end():
                say(
                    f"{child.title} did not end within {child.patience_seconds:g} s "
                    f"and was killed."
                )

    def _watch(self) -> None:
        while not self._ending.wait(_LOOK_SECONDS):
            for child in self._children:
                self._look_at(child)

    def _look_at(self, child: Child) -> None:
        code = child.ended()
        if code is not None:
            self._put_off(child, f"ended {_end_of(child, code)}")
            self._tell()
        elif child.pid is None and time.monotonic() >= self._due[child.name]:
            self._start_again(child)

    def _start_again(self, child: Child) -> None:
        try:
            child.start()
        except OSError as error:  # a full disk, no more processes
            self._put_off(child, f"could not be started ({error.strerror})")
        else:
            self._tell()

    def _tell(self) -> None:
        try:
            self._changed(self._children)
        except OSError as error:  # a full disk: no reason to stop watching
            say(f"run.json could not be written ({error.strerror}).")

    def _put_off(self, child: Child, what: str) -> None:
        delay = child.put_off()
        self._due[child.name] = time.monotonic() + delay
        say(
            f"{child.title} {what}. It is started again in {delay:g} s "
            f"(log: {child.output})."
        )


def _require_alive(child: Child) -> None:
    code = child.ended()
    if code is not None:
        raise ConfigurationError(
            f"{child.title} cannot start, it ended {_end_of(child, code)} "
            f"(its log: {child.output})."
        )


def _end_of(child: Child, code: int) -> str:
    """Say how a process ended; one that was killed has no last words."""
    if code < 0:
        return f"(signal {-code})"
    return f"(exit code {code}): {child.last_words()}"
