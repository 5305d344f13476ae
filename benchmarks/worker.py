"""Drain a topic by the whole worker, beside a bare loop that only counts.

    python -m benchmarks.worker [--callbacks 1000000]

Both are processes of their own on the same topic, one after the other. The worker's
figures begin when it is ready, so start-up is left out, and end when every record is
archived; the bare loop keeps nothing.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.load import fill
from streams.stack import ports
from tests.broker.conftest import embedded_kafka

_MIB = 1 << 20
_DEADLINE_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Drain:
    """What one run took.

    Attributes:
        callbacks: How many were drained.
        seconds: Wall time.
        cpu_seconds: CPU time of the process, user and system.
        peak_mib: Largest resident memory, MiB; 0 when it was not measured.
        bytes_each: Bytes on disk for each callback; 0 when nothing is kept.
    """

    callbacks: int
    seconds: float
    cpu_seconds: float
    peak_mib: float = 0.0
    bytes_each: float = 0.0


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
def _worker(servers: str, data_dir: Path) -> Iterator[tuple[psutil.Process, int]]:
    port = ports.choose("worker", 0)
    command = [
        *(sys.executable, "-m", "streams.cli", "work"),
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


def drain_by_worker(servers: str, folder: Path, callbacks: int, records: int) -> Drain:
    """Run a worker until every record is archived."""
    data_dir = folder / "data"
    with _worker(servers, data_dir) as (process, port):
        _wait(lambda: _is_ready(port), "the worker")
        cpu, began = process.cpu_times(), time.monotonic()
        _wait(lambda: _metric(port, "undelivered_position") >= records, "the archive")
        seconds, ended = time.monotonic() - began, process.cpu_times()
        peak = _peak_mib(process.pid)
    archive = data_dir / "archive" / "callbacks"
    size = sum(f.stat().st_size for f in archive.rglob("*.parquet"))
    return Drain(
        callbacks,
        seconds,
        ended.user + ended.system - cpu.user - cpu.system,
        peak,
        size / callbacks,
    )


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    kib = next(x.split()[1] for x in status.splitlines() if x.startswith("VmHWM"))
    return int(kib) / 1024


def drain_by_bare_loop(servers: str, callbacks: int) -> Drain:
    """Run the bare loop over the same records."""
    command = [
        *(sys.executable, "-m", "benchmarks.bare_loop"),
        servers,
        str(callbacks),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, cpu_seconds = map(float, done.stdout.split())
    return Drain(callbacks, seconds, cpu_seconds)


def main() -> None:
    """Print one table: each way, one and ten callbacks a record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--callbacks", type=int, default=1_000_000)
    count = parser.parse_args().callbacks
    table = Table("a record", "way", "callbacks/s", "per CPU-s", "MiB", "bytes each")
    for per_record in (1, 10):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with embedded_kafka(folder) as servers:
                records = asyncio.run(fill(servers, count, per_record))
                bare = drain_by_bare_loop(servers, count)
                whole = drain_by_worker(servers, folder, count, records)
        for way, run in (("bare loop", bare), ("worker", whole)):
            table.add_row(
                str(per_record),
                way,
                f"{run.callbacks / run.seconds:,.0f}",
                f"{run.callbacks / run.cpu_seconds:,.0f}",
                f"{run.peak_mib:.0f}" if run.peak_mib else "",
                f"{run.bytes_each:.1f}" if run.bytes_each else "",
            )
        ratio = bare.cpu_seconds / whole.cpu_seconds
        table.add_row(str(per_record), "worker / bare loop", "", f"{ratio:.2f}", "", "")
    Console().print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
