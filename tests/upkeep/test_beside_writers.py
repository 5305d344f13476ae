"""Writers, upkeep that is killed, and reports at once: nothing is lost or wrong."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from streams.archive import upkeep
from streams.warehouse import check, reports, snapshot, summed
from streams.warehouse.connection import connect_over
from streams.warehouse.period import EARLIEST, EVERYTHING, LATEST
from tests.upkeep.writing import cells

FULL = os.environ.get("UNDELIVERED_FULL_LOAD") == "1"
SECONDS = 120.0 if FULL else 6.0
REPORTS = 200 if FULL else 9
# What a query is promised that takes less than this.
GRACE_SECONDS = 10.0 if FULL else 4.0
KILLS = 6 if FULL else 2
# delta-rs panics after a fork; a fresh interpreter is what a worker is, too.
LOAD = (sys.executable, "-m", "tests.upkeep.load")
TOTAL = "select coalesce(sum(events), 0)::bigint from stored_window_counts"
REMOVED = "callbacks,removed from the disk,"
ROWS = "select count(*) from stored_callbacks"


def start(output: Path, *arguments: object) -> subprocess.Popen[bytes]:
    """Start a process of the load; its output goes to a file."""
    words = [*LOAD, *map(str, arguments)]
    with output.open("ab") as file:
        return subprocess.Popen(words, stdout=file, stderr=file)


def ask(data_dir: Path) -> tuple[int, int]:
    """Ask for rows and events, by the minute and by the day, of one snapshot."""
    taken = snapshot.take(data_dir)
    with connect_over(taken) as opened:
        [(events,)] = opened.execute(TOTAL).fetchall()
        assert list(reports.run(opened, reports.named("overview"), EVERYTHING).values)
        [(rows,)] = opened.execute(ROWS).fetchall()
        everything = summed.Asked([EARLIEST, LATEST], [None])
        summed.use(opened, taken.window_counts, everything)
        assert opened.execute(TOTAL).fetchall() == [(events,)]
    return rows, events


class Asking:
    """Asks again and again; no number may ever be less than the one before."""

    def __init__(self, data_dir: Path) -> None:
        """Ask of the archive of a data folder."""
        self._data_dir = data_dir
        self._before = (0, 0)
        self.answered = 0

    def once(self) -> None:
        """Ask; only who took longer than the grace may have lost its files."""
        began = time.monotonic()
        try:
            rows, events = ask(self._data_dir)
        except duckdb.IOException:
            if time.monotonic() - began < GRACE_SECONDS:
                raise
            return
        assert rows >= self._before[0]
        assert events >= self._before[1]
        self._before = (rows, events)
        self.answered += 1


def whole_runs(output: Path) -> int:
    """Count the runs of upkeep that came to their end."""
    return output.read_text().count("window_counts,is kept,")


@pytest.mark.timeout(900)
def test_reports_beside_writers_and_upkeep(tmp_path: Path) -> None:
    """No query fails, no number steps back, and at the end everything is exact."""
    data_dir, written, kept = (tmp_path / n for n in ("data", "written", "kept"))
    began = time.time()
    writer = start(written, "write", data_dir, began, SECONDS)
    while not snapshot.take(data_dir).window_counts.files():
        assert writer.poll() is None, written.read_text()
        time.sleep(0.05)
    looking = ("look_after", data_dir, began, GRACE_SECONDS)
    keeper = start(kept, *looking)
    asking, kills = Asking(data_dir), 0
    try:
        while writer.poll() is None or asking.answered < REPORTS:
            asking.once()
            assert keeper.poll() is None, kept.read_text()
            if kills < min(KILLS, asking.answered * (KILLS + 1) // REPORTS):
                keeper.send_signal(signal.SIGKILL)
                keeper.wait()
                keeper = start(kept, *looking)
                kills += 1
        runs = whole_runs(kept)
        # The second of them began after the last commit.
        while whole_runs(kept) < runs + 2 or REMOVED not in kept.read_text():
            assert keeper.poll() is None, kept.read_text()
            time.sleep(0.05)
    finally:
        for process in (writer, keeper):
            process.kill()
            process.wait()

    events, rows = map(int, written.read_text().split())
    assert ask(data_dir) == (rows, events)
    found = check.run(data_dir)
    assert (found.findings, found.counting.compared) == ((), events)
    assert sum(n for cell, n in cells(data_dir).items() if cell[-1] == "events") == (
        events
    )
    assert kills == KILLS
    assert len(upkeep.callbacks(data_dir).files()) < rows / 40 / 4  # of all flushes
