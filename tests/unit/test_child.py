"""A process of the stack: its back-off, and which of its words tell why it ended."""

from pathlib import Path

import pytest

from streams.stack.child import Child, last_words


@pytest.mark.parametrize(
    ("output", "words"),
    [
        pytest.param("", "it said nothing", id="silent"),
        pytest.param(
            "started\nError: Port 1 is busy.\n", "Port 1 is busy", id="our own error"
        ),
        pytest.param(
            "ERROR Exiting\njava.lang.RuntimeException: no\nCaused by: java.net."
            "BindException: Address already in use\n\tat sun.nio.ch.Net.bind\n",
            "java.net.BindException: Address already in use",
            id="Java's innermost cause, not the last line of its trace",
        ),
        pytest.param("one\ntwo.\n\n", "two", id="else the last line"),
    ],
)
def test_last_words_tell_the_cause(tmp_path: Path, output: str, words: str) -> None:
    """What is said of an ended process is the line a person would look for."""
    log = tmp_path / "worker.log"
    log.write_text("Error: of an earlier life\n" + output)

    assert last_words(log, len("Error: of an earlier life\n")) == words


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, seconds, set by the test."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_delay_doubles_up_to_half_a_minute(tmp_path: Path, clock: list[float]) -> None:
    """A process that ends at once is started ever more seldom."""
    child = child_in(tmp_path)

    delays = [delay_after(child, 1.0, clock) for _ in range(9)]

    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_process_that_lived_a_minute_is_started_again_soon(
    tmp_path: Path, clock: list[float]
) -> None:
    """Its end is the first one again."""
    child = child_in(tmp_path)

    delays = [delay_after(child, lived, clock) for lived in (0.0, 0.0, 59.9, 60.0)]

    assert delays == [0.5, 1.0, 2.0, 0.5]


def delay_after(child: Child, lived: float, clock: list[float]) -> float:
    """Start a process, let it end after so many seconds; return its delay."""
    child.start()
    while child.ended() is None:
        pass
    clock[0] += lived
    return child.put_off()


def test_long_output_is_put_aside(tmp_path: Path) -> None:
    """Two files of 10 MiB are the most that a process's output takes."""
    child = child_in(tmp_path)
    child.output.write_bytes(b"x" * (10 << 20) + b"x")

    child.start()
    child.end()

    assert child.output.stat().st_size == 0
    assert (tmp_path / "kafka.log.1").stat().st_size == (10 << 20) + 1


def child_in(folder: Path) -> Child:
    """Describe a process that ends at once."""
    return Child("kafka", ["true"], {}, folder / "kafka.log", lambda: None)
