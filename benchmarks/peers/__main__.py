"""Drain one topic by the worker and by other systems, and compare what each takes.

    python -m benchmarks.peers [--callbacks 2000000] [--json FILE] [--markdown FILE]

All read the same topic of an embedded Kafka, one after the other, each a process of its
own, and count by minute, type, error code and country (but for the worker the first
five characters of the number stand for the country). Measured from when a system is up
and begins to read until it has counted, and where it keeps rows, kept the last
callback: wall time, CPU time of all its threads and processes, warm-up of Java
included; the CPU time before that is in the column "with start-up". What Kafka takes is
nobody's. Each system's counts are compared with those of the load, cell by cell. One
that cannot be had here (no Java, no wheel, no network) is left out, with the reason.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks.drain import DrainError
from benchmarks.load import fill
from benchmarks.peers import cells, table
from benchmarks.peers.table import Measured
from benchmarks.peers.unavailable import UnavailableError
from benchmarks.peers.ways import WAYS, Run, Topic, Way
from streams.settings import load
from tests.broker.conftest import embedded_kafka

_PER_RECORD = (1, 10)
_WIDTH_OF_A_FILE = 180


def prepare(
    ways: tuple[Way, ...], cache: Path, classes: Path
) -> dict[Way, Run | UnavailableError]:
    """Fetch and compile what each system needs, or learn why it cannot take part."""
    prepared: dict[Way, Run | UnavailableError] = {}
    for way in ways:
        try:
            prepared[way] = way.prepare(cache, classes)
        except UnavailableError as error:
            print(f"Left out: {way.name}: {error}.", flush=True)
            prepared[way] = error
    return prepared


def _measured(per_record: int, way: Way, run: Run, topic: Topic) -> Measured:
    print(f"{per_record} a record: {way.name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            drained = run(topic, Path(folder))
        except (DrainError, cells.WrongCountsError) as error:
            print(f"Failed: {way.name}: {error}", flush=True)
            return Measured(per_record, way.name, way.guarantee, problem=str(error))
    return Measured(per_record, way.name, way.guarantee, drained)


def measure(
    prepared: Mapping[Way, Run | UnavailableError], callbacks: int
) -> Iterator[Measured]:
    """Fill a topic for each kind of record, and drain it by each system."""
    right = cells.known(callbacks)
    for per_record in _PER_RECORD:
        with tempfile.TemporaryDirectory() as name, embedded_kafka(Path(name)) as kafka:
            print(f"{per_record} a record: filling the topic", flush=True)
            records = asyncio.run(fill(kafka, callbacks, per_record))
            topic = Topic(kafka, callbacks, records, right)
            for way, run in prepared.items():
                if isinstance(run, UnavailableError):
                    yield Measured(per_record, way.name, "", problem=str(run))
                else:
                    yield _measured(per_record, way, run, topic)


def main() -> int:
    """Measure, print the table, and return 1 when a system failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--callbacks", type=int, default=2_000_000)
    parser.add_argument("--only", help="systems with this in their name, and no others")
    parser.add_argument("--json", type=Path, help="write what was measured to a file")
    parser.add_argument("--markdown", type=Path, help="write the table to a file")
    chosen = parser.parse_args()
    ways = tuple(w for w in WAYS if (chosen.only or "").lower() in w.name.lower())
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as classes:
        cache = load().cache_dir.expanduser()
        prepared = prepare(ways, cache, Path(classes))
        results = list(measure(prepared, chosen.callbacks))
    conditions = {
        "callbacks": chosen.callbacks,
        "cores": os.cpu_count(),
        "load before": round(load_before, 1),
        "memory GiB": round(psutil.virtual_memory().total / 2**30),
        "Python": platform.python_version(),
        "system": platform.platform(),
    }
    # In a file rich would cut the table, figures and all, to 80 columns.
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)
    console.print(", ".join(f"{name} {value}" for name, value in conditions.items()))
    console.print(table.terminal(results))
    if chosen.json:
        chosen.json.write_text(table.as_json(results, **conditions), encoding="utf-8")
    if chosen.markdown:
        chosen.markdown.write_text(table.markdown(results), encoding="utf-8")
    failed = [x for x in results if x.guarantee and x.drain is None]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
