"""The processes of the load: one that writes like a worker, one that looks after it."""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streams.warehouse import maintain
from tests.upkeep.writing import Writer

# The archive lives through a day in this many seconds.
DAY_SECONDS = 5.0
FEWEST_ROWS = 1_600
DAYS_BEFORE = datetime(2026, 11, 1, tzinfo=UTC)


def moment(began: float) -> datetime:
    """Return the time of the load: a day passes every five seconds."""
    passed = time.time() - began
    return DAYS_BEFORE + timedelta(days=1) * (passed / DAY_SECONDS)


def write(data_dir: Path, began: float, seconds: float) -> None:
    """Flush all the time, count now and then; print events and rows at the end.

    Args:
        data_dir: The data folder.
        began: When the load began, by which the date goes.
        seconds: How long; on a slow machine until so much is written as a test needs.
    """
    writer = Writer(data_dir)
    until = time.time() + seconds
    while time.time() < until or writer.rows < FEWEST_ROWS:
        for _ in range(4):
            writer.flush(moment(began), rows=20)
            time.sleep(0.03)
        writer.count(moment(began).date())
    print(writer.events, writer.rows)  # noqa: T201 - read by the test


def look_after(data_dir: Path, began: float, grace: timedelta) -> None:
    """Run upkeep until killed; print what was done."""
    wanted = maintain.Wanted(grace)
    while True:
        done = maintain.run(
            data_dir, wanted, moment(began), lambda _what, _done, _total: None
        )
        for step in done.steps:
            print(step.table, step.what, step.files, flush=True, sep=",")  # noqa: T201
        if done.differences:
            raise SystemExit(f"differences: {done.differences[:2]}")
        time.sleep(0.1)


if __name__ == "__main__":
    what, folder, start, number = sys.argv[1:]
    if what == "write":
        write(Path(folder), float(start), float(number))
    else:
        look_after(Path(folder), float(start), timedelta(seconds=float(number)))
