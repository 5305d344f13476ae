"""How far an import is: a bar on a terminal, else a plain line now and then."""

import sys
import time
from typing import Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_SECONDS = 5.0


class ProgressShown:
    """Shows progress on standard error; use it as a context."""

    def __init__(self, to: TextIO | None = None) -> None:
        """Look whether there is a terminal."""
        self._to = to or sys.stderr
        console = Console(file=self._to, highlight=False)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[words]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, words="")
        self._began = self._said = time.monotonic()
        self._what = ""

    def __enter__(self) -> Self:
        """Begin to show."""
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Show nothing more."""
        self._bar.stop()

    def begin(self, what: str, total: int | None) -> None:
        """Say what begins.

        Args:
            what: In a few words.
            total: How much there is to do; None where nobody knows.
        """
        self._what = what
        self._began = self._said = time.monotonic()
        self._bar.reset(self._task, description=what, total=total, words="")

    def show(self, done: int, total: int | None, words: str = "") -> None:
        """Show how much is done.

        Args:
            done: So much of the total.
            total: How much there is to do; None where nobody knows.
            words: What else there is to say.
        """
        if not self._bar.disable:
            self._bar.update(self._task, completed=done, total=total, words=words)
            return
        now = time.monotonic()
        if now - self._said < LINE_SECONDS:
            return
        self._said = now
        parts = [self._what, words]
        if total and done:
            left = (now - self._began) * (total - done) / done
            parts += [f"{done / total:.0%}", f"{duration(left)} left"]
        self.say(", ".join(part for part in parts if part))

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        if self._bar.disable:
            print(line, file=self._to, flush=True)
        else:
            self._bar.console.print(line, markup=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """Write a time as a person reads it."""
    whole = round(seconds)
    hours, minutes = whole // 3_600, whole // 60 % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
