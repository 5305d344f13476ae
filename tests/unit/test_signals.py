"""Signals end the stack once and in good order; a lost reader does not end it."""

import os
import signal
import subprocess
import sys

import pytest

from streams.stack import signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_first_signal_is_raised_and_later_ones_are_ignored(
    number: signal.Signals,
) -> None:
    """A second Ctrl-C must not cut off the end that the first one began."""
    # Under nohup the tests themselves ignore SIGHUP.
    outside = signal.signal(number, signal.SIG_DFL)
    try:
        with signals.raising():
            with pytest.raises(signals.Ended):
                os.kill(os.getpid(), number)
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)

        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, outside)


def test_hang_up_is_ignored_where_it_was() -> None:
    """That is what nohup is for."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.raising():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_output_that_nobody_reads_any_more_ends_nothing() -> None:
    """`undelivered up | head` keeps running, and keeps watching its processes."""
    code = "from streams.stack.console import say; [say('x' * 9999) for _ in range(99)]"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as talker:
        assert talker.stdout is not None
        assert talker.stderr is not None
        talker.stdout.close()

        assert talker.stderr.read() == b""
        assert talker.wait(20) == 0
