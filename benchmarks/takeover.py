"""Taking all partitions over: how long until they are remembered, and what it costs.

    python -m benchmarks.takeover [--events 1000000 --rows-a-file 1000]

An archive as a worker leaves it after 26 hours of a steady rate, one file a flush. Each
takeover is a process of its own, that has imported the whole worker:

* from the table alone: nothing is saved, every row is read;
* from what is saved, and what five minutes of flushes added since.

``--events 18720000`` is 26 hours of 200 events a second.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import old_archive
from streams import reference
from streams.archive import table
from streams.core.outcomes import Outcomes
from streams.core.senders import SenderTypes
from streams.topics import Log
from streams.worker import app, saving
from streams.worker.partition import Rules
from streams.worker.takeover import Bounds, take_over

# Five minutes of a flush every five seconds.
_FLUSHES_SINCE = 60
_BEHIND_ALL = 2**62
_MIB = 1 << 20
_TICK_SECONDS = 0.01


def rules() -> Rules:
    """Return the rules that the worker counts by."""
    return Rules(
        outcomes=Outcomes.from_rows(reference.table("outcomes")),
        sender_types=SenderTypes.from_rows(reference.table("sender_types")),
        keep_text=False,
    )


@contextmanager
def longest_silence() -> Iterator[list[float]]:
    """Yield a list that ends with the longest time another thread was kept waiting.

    The consumer's thread is such a one: it has to send its heartbeats meanwhile.
    """
    found, is_over = [0.0], Event()

    def tick() -> None:
        last = time.monotonic()
        while not is_over.wait(_TICK_SECONDS):
            now = time.monotonic()
            found[0], last = max(found[0], now - last - _TICK_SECONDS), now

    thread = Thread(target=tick)
    thread.start()
    try:
        yield found
    finally:
        is_over.set()
        thread.join()


def measure(data_dir: Path, *, save: bool) -> dict[str, float]:
    """Take all partitions over in this process; save what they remember if wanted."""
    assert app.WorkerApp  # noqa: S101 - what a worker has imported is in its memory
    before = _resident()
    began, cpu = time.monotonic(), time.process_time()
    both = (table.callbacks(data_dir), table.window_counts(data_dir))
    bounds = {p: Bounds(0, _BEHIND_ALL) for p in range(old_archive.PARTITIONS)}
    log = Log(old_archive.LOG_ID, old_archive.PARTITIONS)
    with longest_silence() as silence:
        taken = take_over(log, bounds, both, rules())
    found: dict[str, float] = {
        "seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time() - cpu,
        "silence": silence[0],
    }
    events = sum(len(partition.memory) for partition in taken.values())
    nbytes = sum(partition.memory.nbytes for partition in taken.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found |= {"events": events, "bytes_an_event": nbytes / max(events, 1)}
    found |= {"before_mib": before, "after_mib": _resident(), "peak_mib": peak}
    if save:
        began = time.monotonic()
        for part in saving.gather(taken.values()):
            part.chain.append(part.end, part.log_time_us, part.parts)
        found["save_seconds"] = time.monotonic() - began
    return found


def _resident() -> float:
    return float(psutil.Process().memory_info().rss) / _MIB


def _in_a_process(data_dir: Path, *options: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.takeover", f"--measure={data_dir}"]
    done = subprocess.run(
        [*command, *options], stdout=subprocess.PIPE, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def run(events: int, rows: int, report: Table) -> None:
    """Measure an archive of one size."""
    files = events // rows
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        since = min(_FLUSHES_SINCE, files // 2)
        old_archive.make(data_dir, rows, files, files - since)
        found = {"table alone": _in_a_process(data_dir, "--save")}
        callbacks = table.callbacks(data_dir)
        for number in range(files - since, files):
            callbacks.commit(
                old_archive.rows_of_file(number, rows, files),
                old_archive.positions(rows, number),
                old_archive.positions(rows, number + 1),
            )
        found["saved + 5 minutes"] = _in_a_process(data_dir)
    for way, figures in found.items():
        report.add_row(
            f"{figures['events']:,.0f}",
            f"{files:,}",
            way,
            f"{figures['seconds']:.2f}",
            f"{figures['cpu_seconds']:.2f}",
            f"{figures['silence']:.2f}",
            f"{figures['bytes_an_event']:.1f}",
            f"{figures['before_mib']:.0f}",
            f"{figures['after_mib']:.0f}",
            f"{figures['peak_mib']:.0f}",
            f"{figures.get('save_seconds', 0.0):.2f}",
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--rows-a-file", type=int, default=1_000)
    parser.add_argument("--measure", type=Path)
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, save=options.save)))
        return
    report = Table(title="Takeover of 8 partitions by one worker")
    for name in ("remembered", "files", "from", "s", "CPU s", "silence s", "B/event"):
        report.add_column(name, justify="right")
    for name in ("MiB before", "after", "peak", "save s"):
        report.add_column(name, justify="right")
    for events in options.events:
        run(events, options.rows_a_file, report)
    Console(width=110).print(report)


if __name__ == "__main__":
    main()
