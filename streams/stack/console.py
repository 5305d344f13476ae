"""What the stack says to the person who started it: plain lines on standard output."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class _Console(Console):
    """A console that falls silent when nobody reads it any more."""

    def on_broken_pipe(self) -> None:
        """Go on: a stack outlives the reader of its output, such as head."""
        self.quiet = True


CONSOLE = _Console(highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Print one line at once."""
    CONSOLE.print(line, markup=False)


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Show what is going on while it goes on; without a terminal, one plain line."""
    if CONSOLE.is_terminal:
        with CONSOLE.status(what):
            yield
    else:
        say(what)
        yield
