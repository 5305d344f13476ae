"""The stack looks after the archive now and then: what is said, and how it ends."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.settings import load
from streams.stack import run_file
from streams.stack.up import Stack
from streams.stack.upkeep import Upkeep

DEADLINE_SECONDS = 60.0


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something is so, or fail."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def upkeep_of(folder: Path, program: str) -> Upkeep:
    """Describe upkeep by a program of our own, again and again."""
    command = [sys.executable, "-c", program]
    return Upkeep(command, dict(os.environ), folder / "maintain.log", 0.01)


def test_failure_is_one_line_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cause out of its output; then it is run again."""
    program = f"print(1, file=open({str(tmp_path / 'ran')!r}, 'a')); exit('Error: no.')"
    end = upkeep_of(tmp_path, program).begin()
    ran = tmp_path / "ran"
    try:
        wait_until(lambda: ran.exists() and ran.read_text().count("1") > 2)
    finally:
        end()

    lines = set(capsys.readouterr().out.splitlines())
    log = tmp_path / "maintain.log"
    assert lines == {f"Upkeep of the archive failed: no (log: {log})."}


def test_run_that_goes_on_is_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stack does not wait for it, and says nothing: the next one goes on."""
    ran = tmp_path / "ran"
    program = f"import time; open({str(ran)!r}, 'w').close(); time.sleep(600)"
    end = upkeep_of(tmp_path, program).begin()
    wait_until(ran.exists)

    began = time.monotonic()
    end()

    assert time.monotonic() - began < DEADLINE_SECONDS
    assert capsys.readouterr().out == ""


def test_stack_looks_after_its_own_folder(tmp_path: Path) -> None:
    """With its settings; an interval of nothing switches it off."""
    settings = load(data_dir=tmp_path, keep="400d", maintain_every="30m")
    upkeep = Stack(settings, "mark", run_file.Ports()).upkeep()

    assert upkeep is not None
    assert upkeep.command[-2:] == ["maintain", f"--data-dir={tmp_path}"]
    assert upkeep.environment["UNDELIVERED_KEEP"] == "400d"
    assert upkeep.every_seconds == 1800
    never = settings.model_copy(update={"maintain_every": "0s"})
    assert Stack(never, "mark", run_file.Ports()).upkeep() is None
