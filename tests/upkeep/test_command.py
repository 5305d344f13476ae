"""The command ``maintain``: what it prints, its exit codes, its settings."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streams import cli
from streams.settings import ConfigurationError, length_of, load
from tests.upkeep.writing import Writer


def maintain(
    patch: pytest.MonkeyPatch,
    capture: pytest.CaptureFixture[str],
    data_dir: Path,
    *options: str,
) -> tuple[int, str, str]:
    """Run the command in this process; return its exit code and what it printed."""
    words = ["undelivered", "maintain", f"--data-dir={data_dir}", *options]
    patch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capture.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


def test_summary_says_what_was_done_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files, rows and bytes before and after, by table; nothing on standard error."""
    writer = Writer(tmp_path)
    writer.day((datetime.now(UTC) - timedelta(days=2)).date(), commits=2, flushes=2)

    code, out, err = maintain(monkeypatch, capsys, tmp_path, "--format=json")

    steps = {(step["table"], step["what"]): step for step in json.loads(out)}
    assert (code, err) == (0, "")
    together = steps["callbacks", "put together, sorted"]
    assert (together["files"], together["files_after"]) == (4, 1)
    assert (together["rows"], together["rows_after"]) == (80, 80)
    assert together["bytes_after"] < together["bytes"]
    assert ("window_counts", "summed, dates that are over") in steps
    assert steps["callbacks", "is kept"]["rows"] == 80


def test_without_an_archive_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to look after, which is no fault."""
    code, _, err = maintain(monkeypatch, capsys, tmp_path)

    assert code == 0
    assert "There is no archive" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--keep=2d",), "cannot be '2d': give 3d or more"),
        (("--keep=forever",), "it is no length of time"),
        (("--vacuum-grace=5m",), "give 10m or more"),
        (("--keep=30d", "--keep-counts=20d"), "Counts cannot be kept for 20d"),
        (("--keep-counts=20d",), "while callbacks are kept for ever"),
    ],
)
def test_unusable_lengths_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    said: str,
) -> None:
    """What would take rows from a worker, or files from a commit, is never done."""
    code, _, err = maintain(monkeypatch, capsys, tmp_path, *options)

    assert code == 2
    assert said in err
    assert len(err.splitlines()) == 1


def test_lengths_come_from_variables_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is how the stack passes them on."""
    monkeypatch.setenv("UNDELIVERED_KEEP", "400d")
    monkeypatch.setenv("UNDELIVERED_KEEP_COUNTS", "170w")

    found = load()

    assert length_of(found.keep or "") == timedelta(days=400)
    assert length_of(found.keep_counts or "") == timedelta(weeks=170)
    monkeypatch.setenv("UNDELIVERED_KEEP_COUNTS", "50w")
    with pytest.raises(ConfigurationError, match="Counts cannot be kept for 50w"):
        load()
