"""Drain a topic by the whole worker, beside ways that only count.

    python -m benchmarks.worker [--callbacks 2000000]

All are processes of their own on the same topic, one after the other, start-up left
out. The worker's figures begin when it is ready and end when every record is archived.
The bare loop (aiokafka, msgspec) and Faust as its documentation writes it count in a
dict, and keep nothing; Faust gets the first 50,000 callbacks only.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.drain import Drain, drain, peak_mib
from benchmarks.load import fill
from streams.stack import ports
from tests.broker.conftest import embedded_kafka

_DEADLINE_SECONDS = 1_800.0
_MOST_FOR_FAUST = 50_000
PROGRAM = ("-m", "streams.cli")


def _metric(port: int, name: str) -> float:
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return -1
    return sum(float(x.rsplit(" ", 1)[1]) for x in lines if x.startswith(name + "{"))


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def _worker(
    servers: str, data_dir: Path, program: Sequence[str]
) -> Iterator[tuple[psutil.Process, int]]:
    port = ports.choose("worker", 0)
    command = [
        *(sys.executable, *program, "work"),
        f"--bootstrap-servers={servers}",
        f"--data-dir={data_dir}",
        f"--worker-port={port}",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield psutil.Process(process.pid), port
        finally:
            process.terminate()


def _wait(look: "object", what: str) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not look():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.25)  # asking costs the worker CPU, too


def drain_by_worker(
    servers: str,
    folder: Path,
    callbacks: int,
    records: int,
    program: Sequence[str] = PROGRAM,
) -> Drain:
    """Run a worker until every record is archived."""
    data_dir = folder / "data"
    with _worker(servers, data_dir, program) as (process, port):
        _wait(lambda: _is_ready(port), "the worker")
        cpu, began = process.cpu_times(), time.monotonic()
        _wait(lambda: _metric(port, "undelivered_position") >= records, "the archive")
        seconds, ended = time.monotonic() - began, process.cpu_times()
        peak = peak_mib(process)
    archive = data_dir / "archive" / "callbacks"
    size = sum(f.stat().st_size for f in archive.rglob("*.parquet"))
    start = cpu.user + cpu.system
    return Drain(
        callbacks,
        seconds,
        ended.user + ended.system - start,
        peak,
        size / callbacks,
        start,
    )


def drain_by_counting(module: str, servers: str, callbacks: int) -> Drain:
    """Run a module of the benchmarks that counts so many callbacks and keeps none."""
    command = [sys.executable, "-m", f"benchmarks.{module}", servers, str(callbacks)]
    return drain(command, callbacks)


def measure(per_record: int, callbacks: int) -> dict[str, Drain]:
    """Fill a topic of a Kafka of its own and drain it in each way, by name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with embedded_kafka(folder) as servers:
            records = asyncio.run(fill(servers, callbacks, per_record))
            few = min(callbacks, _MOST_FOR_FAUST)
            return {
                "bare loop": drain_by_counting("bare_loop", servers, callbacks),
                "idiomatic Faust": drain_by_counting("idiomatic_faust", servers, few),
                "worker": drain_by_worker(servers, folder, callbacks, records),
            }


def main() -> None:
    """Print one table: each way, one and ten callbacks a record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--callbacks", type=int, default=2_000_000)
    count = parser.parse_args().callbacks
    table = Table("a record", "way", "callbacks/s", "per CPU-s", "MiB", "bytes each")
    for per_record in (1, 10):
        runs = measure(per_record, count)
        for way, run in runs.items():
            table.add_row(
                str(per_record),
                way,
                f"{run.callbacks / run.seconds:,.0f}",
                f"{run.callbacks / run.cpu_seconds:,.0f}",
                f"{run.peak_mib:.0f}" if run.peak_mib else "",
                f"{run.bytes_each:.1f}" if run.bytes_each else "",
            )
        rate = _rate(runs["worker"])
        for way in ("bare loop", "idiomatic Faust"):
            ratio = f"{rate / _rate(runs[way]):.2f}"
            table.add_row(str(per_record), f"worker / {way}", "", ratio, "", "")
    Console().print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    Console().print(table)


def _rate(run: Drain) -> float:
    return run.callbacks / run.cpu_seconds


if __name__ == "__main__":
    main()
