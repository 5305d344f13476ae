"""The comparison with other systems: who is left out, and that none may drop."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.drain import Drain, DrainError, drain
from benchmarks.peers import cells, java_programs, table
from benchmarks.peers.__main__ import prepare
from benchmarks.peers.table import Measured
from benchmarks.peers.unavailable import UnavailableError
from benchmarks.peers.ways import BARE_LOOP, WAYS, WORKER
from streams.stack import java

READS = """
import sys
from benchmarks import reader
reader.begin()
reader.end({("2026-11-24T06:00", "message-failed", None, "+1206"): 3}, sys.argv[1])
"""


def test_without_jars_and_network_a_peer_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are measured all the same."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    there = [way for way in WAYS if way.name in {WORKER, "Flink SQL, TUMBLE"}]

    prepared = prepare(tuple(there), tmp_path / "cache", tmp_path / "classes")

    reasons = [str(x) for x in prepared.values() if isinstance(x, UnavailableError)]
    assert len(prepared) == 2
    assert len(reasons) == 1
    assert "Maven Central cannot be reached" in reasons[0]
    assert f"Left out: Flink SQL, TUMBLE: {reasons[0]}." in capsys.readouterr().out


def test_without_java_the_reason_is_java(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for before anything is fetched."""
    monkeypatch.setattr(java, "_packaged", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UnavailableError, match="no Java"):
        java_programs.command_of(java_programs.STREAMS, tmp_path, tmp_path)


def test_who_drops_a_callback_does_not_win() -> None:
    """The number of callbacks and each cell are held to what is known."""
    right = cells.known(500)
    dropped = right.copy()
    dropped[next(iter(right))] -= 1

    cells.compare(right.copy(), right)
    with pytest.raises(cells.WrongCountsError, match="499 of 500 callbacks, 1 of"):
        cells.compare(dropped, right)


def test_counts_in_the_wrong_cells_are_refused() -> None:
    """The sum alone would be right."""
    right: cells.Cells = Counter(
        {("2026-11-24T06:00", "message-failed", 4720, "+1206"): 3}
    )
    moved: cells.Cells = Counter(
        {("2026-11-24T06:00", "message-failed", 4770, "+1206"): 3}
    )

    with pytest.raises(cells.WrongCountsError, match="3 of 3 callbacks, 2 of 1 cells"):
        cells.compare(moved, right)


def test_program_is_measured_and_its_counts_are_read(tmp_path: Path) -> None:
    """What it takes from ready to done, not more."""
    file = tmp_path / "cells.tsv"

    run = drain([sys.executable, "-c", READS, str(file)], 3)

    assert cells.read(file).total() == 3
    assert run.callbacks == 3
    assert 0 <= run.cpu_seconds < run.start_cpu_seconds + 1
    assert run.peak_mib > 1


def test_program_that_ends_early_is_told_with_its_last_words() -> None:
    """A figure of half a run would be none."""
    with pytest.raises(DrainError, match="no such topic"):
        drain([sys.executable, "-c", "raise SystemExit('no such topic')"], 1)


def test_table_compares_within_the_same_kind_of_record() -> None:
    """CPU time decides; who did not take part has the reason in the last column."""
    found = [
        Measured(1, BARE_LOOP, "none", Drain(100, 1.0, 1.0, 50.0)),
        Measured(1, WORKER, "all", Drain(100, 2.0, 2.0, 90.0, 28.0, 3.0)),
        Measured(1, "Flink", "", problem="there is no Java"),
        Measured(10, WORKER, "all", Drain(100, 2.0, 1.0, 90.0, 28.0, 1.0)),
    ]

    rows = table.rows(found)

    assert rows[0][2:8] == ["100", "100", "100", "0.50", "1.00", "50"]
    assert rows[1][2:] == ["50", "50", "20", "1.00", "0.50", "90", "28.0", "all"]
    assert rows[2][2:] == ["", "", "", "", "", "", "", "there is no Java"]
    assert rows[3][5:7] == ["1.00", ""]
    assert table.markdown(found).count("\n") == 6
