"""What it costs that a commit waits for the disk.

    python -m benchmarks.commits [--commits 60] [--rows 5000]

Commits of table callbacks, every second one without waiting, so that both meet the same
machine. Printed are the median and the highest of each, and of the waiting alone.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from streams.archive import durable, table
from streams.worker.chunk import Chunk
from tests.worker import logs
from tests.worker.logs import BEGIN_MS, RULES, Record, body, chunk


class Disk:
    """Stands for ``durable.sync``: waits or does not, and measures."""

    def __init__(self) -> None:
        """Wait, as the program does."""
        self.waits = True
        self.seconds = 0.0
        self.calls = 0
        self._real = durable.sync
        durable.sync = self.sync

    def sync(self, paths: Iterable[Path]) -> None:
        """Sync, and add up how long it took."""
        given = list(paths)
        self.calls += len(given)
        if self.waits:
            began = time.perf_counter()
            self._real(given)
            self.seconds += time.perf_counter() - began


def _chunk(begin: int, rows: int) -> Chunk:
    return chunk(
        [Record(o, BEGIN_MS + o, body(f"m{o}")) for o in range(begin, begin + rows)]
    )


def measure(folder: Path, commits: int, rows: int) -> dict[str, list[float]]:
    """Return the seconds of each commit, and of the waiting in it."""
    disk = Disk()
    both = (table.callbacks(folder), table.window_counts(folder))
    partition = logs.take_over_partition(both, commits * rows)
    taken: dict[str, list[float]] = {"waits": [], "does not": [], "waiting alone": []}
    for number in range(commits):
        partition.take_in(_chunk(number * rows, rows), RULES)
        disk.waits, disk.seconds, disk.calls = number % 2 == 0, 0.0, 0
        began = time.perf_counter()
        logs.archive(both, partition)
        taken["waits" if disk.waits else "does not"].append(time.perf_counter() - began)
        if disk.waits:
            taken["waiting alone"].append(disk.seconds)
    return taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=60)
    parser.add_argument("--rows", type=int, default=5_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        taken = measure(Path(folder), asked.commits, asked.rows)
    shown = Table("a commit", "median, ms", "highest, ms")
    for name, seconds in taken.items():
        shown.add_row(name, f"{median(seconds) * 1e3:.1f}", f"{max(seconds) * 1e3:.1f}")
    Console().print(shown)


if __name__ == "__main__":
    main()
