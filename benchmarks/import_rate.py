"""Import a file of bodies, beside a bare loop that only reads and decodes it.

    python -m benchmarks.import_rate [--callbacks 1000000]

Each is a process of its own on the same file, one callback a line; the best of three
runs counts. Start-up is left out of both. The bare loop sends nothing anywhere.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from kafka import TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks.load import callbacks
from streams import topics
from tests.broker.conftest import embedded_kafka

_ROUNDS = 3
_BARE = """
import resource, sys, time
from streams.core.wire import strict
began, cpu = time.monotonic(), time.process_time()
with open(sys.argv[1], "rb") as file:
    for line in file:
        strict.decode(line)
print(time.monotonic() - began, time.process_time() - cpu)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took: wall time, CPU time (seconds), peak memory (MiB)."""

    seconds: float
    cpu_seconds: float
    peak_mib: int = 0


def bare(path: Path) -> Run:
    """Read and decode each line, and keep nothing."""
    command = [sys.executable, "-c", _BARE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, cpu_seconds = map(float, done.stdout.split())
    return Run(seconds, cpu_seconds)


def whole(servers: str, path: Path, data_dir: Path) -> Run:
    """Run the command; its CPU time without that of importing nothing."""
    empty = path.with_name("empty")
    empty.touch()
    startup = _command(servers, empty, data_dir)
    run = _command(servers, path, data_dir)
    _forget(servers)
    return Run(run.seconds, run.cpu_seconds - startup.cpu_seconds, run.peak_mib)


def _command(servers: str, path: Path, data_dir: Path) -> Run:
    command = [
        *(sys.executable, "-m", "streams.cli", "import", str(path), "--format=json"),
        f"--bootstrap-servers={servers}",
        f"--data-dir={data_dir}",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        peak, cpu = _watch(psutil.Process(process.pid))
        output = process.stdout.read() if process.stdout else b""
    (summary,) = json.loads(output)
    return Run(summary["seconds"], cpu, peak)


def _watch(process: psutil.Process) -> tuple[int, float]:
    """Look at a process until it ends; return peak memory (MiB) and CPU seconds."""
    peak, cpu = 0, 0.0
    while process.status() != psutil.STATUS_ZOMBIE:
        times = process.cpu_times()
        peak = max(peak, process.memory_info().rss >> 20)
        cpu = times.user + times.system
        time.sleep(0.01)
    return peak, cpu


def _forget(servers: str) -> None:
    """Empty the topic: else the next import would wait for a worker."""
    admin = topics.admin_client(servers)
    ends = topics.end_offsets(servers)
    admin.delete_records({TopicPartition("callbacks", n): e for n, e in ends.items()})
    admin.close()


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--callbacks", type=int, default=1_000_000)
    count = parser.parse_args().callbacks
    with tempfile.TemporaryDirectory() as name, embedded_kafka(Path(name)) as servers:
        path = Path(name) / "history.ndjson"
        with path.open("wb") as file:
            file.writelines(b"[%b]\n" % content for _, content in callbacks(count))
        bares = [bare(path) for _ in range(_ROUNDS)]
        wholes = [whole(servers, path, Path(name)) for _ in range(_ROUNDS)]
    table = Table("way", "callbacks/s", "per CPU-s", "MiB")
    best = []
    for way, runs in (("read and decode", bares), ("import", wholes)):
        seconds = min(run.seconds for run in runs)
        cpu = min(run.cpu_seconds for run in runs)
        peak = max(run.peak_mib for run in runs)
        best.append((seconds, cpu))
        memory = str(peak) if peak else ""
        table.add_row(way, f"{count / seconds:,.0f}", f"{count / cpu:,.0f}", memory)
    (seconds, cpu), (whole_seconds, whole_cpu) = best
    ratios = f"{seconds / whole_seconds:.2f}", f"{cpu / whole_cpu:.2f}"
    table.add_row("import / read and decode", *ratios, "")
    Console().print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
