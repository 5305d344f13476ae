"""SIGTERM, SIGHUP and Ctrl-C end what runs in the foreground, in good order."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# A terminal that is closed sends SIGHUP.
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Ended(BaseException):
    """Somebody asked this process to end."""


@contextmanager
def raising() -> Iterator[None]:
    """Raise `Ended` in the main thread at the first signal, and ignore later ones."""
    # nohup has SIGHUP ignored, and means it.
    kept = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else ()
    taken = [number for number in _SIGNALS if number not in kept]
    before = {number: signal.signal(number, _raise) for number in taken}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise(_number: int, _frame: FrameType | None) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise Ended
