"""SIGTERM and Ctrl-C end what runs in the foreground, once and in good order."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Ended(BaseException):
    """Somebody asked this process to end."""


@contextmanager
def raising() -> Iterator[None]:
    """Raise `Ended` in the main thread at the first signal, and ignore later ones."""
    before = {number: signal.signal(number, _raise) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise(_number: int, _frame: FrameType | None) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise Ended
