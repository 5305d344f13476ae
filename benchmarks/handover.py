"""Handing partitions over: how long a worker that stops, or dies, is missed.

    python -m benchmarks.handover

Two workers of the embedded Kafka share eight partitions. One is ended, by SIGTERM and
by kill -9: measured until the other one holds all eight. Then it is killed and started
again with the same --member-id: measured until it holds its own again, the start of the
process included.
"""

import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from streams import topics
from streams.stack import ports
from tests.broker.conftest import PROGRAM, embedded_kafka

_ALL = set(range(8))
_HELD = re.compile(r'undelivered_taken_in_position\{partition="(\d+)"\}')
_DEADLINE_SECONDS = 120.0
_SETTLE_SECONDS = 5.0


@dataclass(slots=True)
class Worker:
    """A worker as a process, and the port of its metrics."""

    process: subprocess.Popen[bytes]
    port: int

    def held(self) -> set[int]:
        """Return the partitions it holds; none while it does not answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=2) as page:
                return set(map(int, _HELD.findall(page.read().decode())))
        except OSError:
            return set()


def start(servers: str, folder: Path, *options: str) -> Worker:
    """Start a worker."""
    port = ports.choose("worker", 0)
    command = [
        *PROGRAM,
        "work",
        f"--bootstrap-servers={servers}",
        f"--data-dir={folder}/data",
        f"--worker-port={port}",
        *options,
    ]
    with (folder / "workers.log").open("ab") as log:
        return Worker(subprocess.Popen(command, stdout=log, stderr=log), port)


def seconds_until(condition: Callable[[], bool]) -> float:
    """Return how long it took until a condition held."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > _DEADLINE_SECONDS:
            raise SystemExit(f"waited {_DEADLINE_SECONDS:.0f} s in vain")
        time.sleep(0.02)
    return time.monotonic() - began


@contextmanager
def two(servers: str, folder: Path, *, named: bool) -> Iterator[tuple[Worker, Worker]]:
    """Run two workers that share the partitions."""
    names = [(f"--member-id=w{number}",) if named else () for number in (1, 2)]
    workers = [start(servers, folder, *options) for options in names]
    one, other = workers
    try:
        seconds_until(lambda: len(one.held()) == len(other.held()) == len(_ALL) // 2)
        time.sleep(_SETTLE_SECONDS)
        yield one, other
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.wait()


def main() -> None:
    """Print the times."""
    with (
        tempfile.TemporaryDirectory() as name,
        embedded_kafka(Path(name)) as servers,
    ):
        folder = Path(name)
        topics.ensure_topics(servers, len(_ALL))
        for what, number in (("SIGTERM", signal.SIGTERM), ("kill -9", signal.SIGKILL)):
            with two(servers, folder, named=False) as (one, other):
                other.process.send_signal(number)
                took = seconds_until(lambda worker=one: worker.held() == _ALL)
                print(f"{what}: the other worker holds all after {took:.1f} s")
        with two(servers, folder, named=True) as (one, other):
            before, mine = one.held(), other.held()
            other.process.kill()
            other.process.wait()
            again = start(servers, folder, "--member-id=w2")
            took = seconds_until(lambda: again.held() == mine)
            kept = "kept" if one.held() == before else "lost"
            print(
                f"same --member-id: back after {took:.1f} s; the other {kept} its own"
            )
            again.process.terminate()
            again.process.wait()


if __name__ == "__main__":
    main()
