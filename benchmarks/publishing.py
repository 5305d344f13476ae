"""Drain a topic with counts published and without: what publishing costs the worker.

    python -m benchmarks.publishing [--callbacks 500000] [--rounds 3]

The same topic is drained in turns, each time into an archive of its own, by the worker
as it is and by one that publishes nothing. A backlog is the dearest case: callbacks of
six hours at once change thousands of cells with each message.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.load import fill
from benchmarks.worker import PROGRAM, drain_by_worker
from streams import cli
from streams.worker.publishing import Publishing
from tests.broker.conftest import embedded_kafka

_WITHOUT = "without"
_PROGRAMS = {"with": PROGRAM, _WITHOUT: ("-m", "benchmarks.publishing", _WITHOUT)}


def main() -> None:
    """Print events per CPU-second with and without, each round's and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--callbacks", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    rates: dict[str, list[float]] = {name: [] for name in _PROGRAMS}
    table = Table("a record", "round", *_PROGRAMS, "with / without")
    for per_record in (1, 10):
        with tempfile.TemporaryDirectory() as name, embedded_kafka(Path(name)) as kafka:
            records = asyncio.run(fill(kafka, chosen.callbacks, per_record))
            rates = _drain(kafka, Path(name), chosen.callbacks, records, chosen.rounds)
        for number, pair in enumerate(zip(*rates.values(), strict=True), start=1):
            table.add_row(str(per_record), str(number), *_cells(*pair))
        # How fast the machine is changes by the minute: neighbours are compared.
        ratios = [one / other for one, other in zip(*rates.values(), strict=True)]
        middle = f"{statistics.median(ratios):.2f}"
        table.add_row(str(per_record), "median", "", "", middle)
    Console().print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    Console().print(table)


def _drain(
    kafka: str, folder: Path, callbacks: int, records: int, rounds: int
) -> dict[str, list[float]]:
    """Return callbacks per CPU-second of each way and round."""
    rates: dict[str, list[float]] = {name: [] for name in _PROGRAMS}
    for number in range(rounds):
        # Whoever is second finds the machine warm, or tired: they take turns.
        for name, program in sorted(_PROGRAMS.items(), reverse=bool(number % 2)):
            archive = folder / f"{name}-{number}"
            run = drain_by_worker(kafka, archive, callbacks, records, program)
            rates[name].append(run.callbacks / run.cpu_seconds)
    return rates


def _cells(with_it: float, without: float) -> tuple[str, str, str]:
    return f"{with_it:,.0f}", f"{without:,.0f}", f"{with_it / without:.2f}"


def work_without_publishing() -> None:
    """Be a worker that publishes nothing."""

    async def publish_for_ever(_: Publishing) -> None:
        await asyncio.Event().wait()

    Publishing.publish_for_ever = publish_for_ever  # type: ignore[method-assign]
    cli.main()


if __name__ == "__main__":
    if sys.argv[1:2] == [_WITHOUT]:
        del sys.argv[1]
        work_without_publishing()
    else:
        main()
