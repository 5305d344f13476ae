"""Two workers under an even load for a long time: nothing grows, nothing falls behind.

`make soak` runs it for 20 minutes at 5,000 callbacks a second; UNDELIVERED_SOAK_SECONDS
and UNDELIVERED_SOAK_RATE change that. Without the first it is skipped.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from threading import Event, Thread

import psutil
import pytest
from deltalake import DeltaTable
from kafka import KafkaProducer

from streams import topics
from streams.stack import ports
from tests.broker.chaos import Worker, has_begun, total
from tests.broker.conftest import embedded_kafka, run_command, wait_for
from tests.broker.test_exactly_once import archived

SECONDS = float(os.environ.get("UNDELIVERED_SOAK_SECONDS", "0"))
RATE = int(os.environ.get("UNDELIVERED_SOAK_RATE", "5000"))
# Messages come again after these: what has to be remembered stays the same.
MESSAGES = 60 * RATE
LONGEST_LAG_SECONDS = 10.0
MOST_GROWTH = 0.05
MOST_FILES = 1_500
UPKEEP_SECONDS = 240.0
_LOOK_SECONDS = 5.0
_TICK_SECONDS = 0.05

pytestmark = [
    pytest.mark.broker,
    pytest.mark.timeout(SECONDS + 900),
    pytest.mark.skipif(not SECONDS, reason="make soak runs it"),
]


@dataclass
class Course:
    """What was measured, one value for each look."""

    megabytes: list[float] = field(default_factory=list)
    lag_seconds: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def quarter(self, number: int) -> list[float]:
        """Return the memory of a quarter of the time, 1 to 4."""
        size = len(self.megabytes) // 4
        return self.megabytes[(number - 1) * size : number * size]


class Load(Thread):
    """Callbacks at an even rate, written to Kafka by one producer."""

    def __init__(self, servers: str) -> None:
        """Write nothing yet."""
        super().__init__()
        self.records = 0
        self.is_over = Event()
        self._began = time.monotonic()
        self._partitions = topics.ensure_topics(servers, 8).partitions
        self._producer = KafkaProducer(
            bootstrap_servers=servers.split(","), linger_ms=20
        )

    def run(self) -> None:
        """Write until it is over; what was late is caught up."""
        while not self.is_over.is_set():
            wanted = int((time.monotonic() - self._began) * RATE)
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            while self.records < wanted:
                self._send(self.records % MESSAGES, now)
            self.is_over.wait(_TICK_SECONDS)
        self._producer.flush()
        self._producer.close()

    def seconds_behind(self, group: list[Worker]) -> float:
        """Return how long ago the oldest record was written that is not taken in."""
        behind = sum(total(worker.port, "undelivered_lag_records") for worker in group)
        return behind * (time.monotonic() - self._began) / max(self.records, 1)

    def _send(self, number: int, now: str) -> None:
        key = b"1753000000000soak%016d" % number
        body = (
            b'[{"type":"message-failed","time":"%b","to":"+1206555%04d",'
            b'"description":"forbidden to country","errorCode":4432,"message":{"id":'
            b'"%b","time":"%b","to":["+1206555%04d"],"from":"+12065550100","owner":'
            b'"+12065550100","applicationId":"93de2206-9669-4e07-948d-329f4b722ee2",'
            b'"direction":"out","segmentCount":1}}]'
        ) % (now.encode(), number % 10_000, key, now.encode(), number % 10_000)
        partition = topics.partition_of(key, self._partitions)
        self._producer.send("callbacks", body, key=key, partition=partition)
        self.records += 1


def test_nothing_grows_and_nothing_falls_behind(tmp_path: Path) -> None:
    """Memory, files and lag stay as they are; at the end every record is archived."""
    data_dir = tmp_path / "data"
    with (
        embedded_kafka(tmp_path / "kafka") as servers,
        workers(servers, data_dir, tmp_path) as group,
    ):
        load = Load(servers)
        load.start()
        try:
            for worker in group:
                wait_for(lambda worker=worker: has_begun(worker), "a start", 120)  # type: ignore[misc]
            wait_for(lambda: load.seconds_behind(group) < 2, "the start caught up", 120)
            course = watch(group, load, data_dir)
        finally:
            load.is_over.set()
            load.join()
        wait_for(lambda: archived(data_dir) == load.records, "all archived", 120)
        for worker in group:
            worker.process.send_signal(signal.SIGTERM)
        assert [worker.process.wait(60) for worker in group] == [0, 0]
    report(course, load)
    assert archived(data_dir) == load.records  # and no record twice
    assert max(course.lag_seconds) < LONGEST_LAG_SECONDS
    assert max(course.files) < MOST_FILES
    assert mean(course.quarter(4)) < mean(course.quarter(2)) * (1 + MOST_GROWTH)


@contextmanager
def workers(servers: str, data_dir: Path, logs: Path) -> Iterator[list[Worker]]:
    """Run two workers with the settings they have by default."""
    group = []
    for _ in range(2):
        port = ports.choose("worker", 0)
        with (logs / f"worker-{port}.log").open("wb") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streams.cli", "work"),
                    f"--bootstrap-servers={servers}",
                    f"--data-dir={data_dir}",
                    f"--worker-port={port}",
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        group.append(Worker(process, port))
    try:
        yield group
    finally:
        for worker in group:
            worker.process.kill()
            worker.process.wait()


def watch(group: list[Worker], load: Load, data_dir: Path) -> Course:
    """Look at the workers and the archive, and look after it, until the time is up."""
    course = Course()
    end = time.monotonic() + SECONDS
    upkeep = time.monotonic() + UPKEEP_SECONDS
    while time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
        found = [psutil.Process(worker.process.pid).memory_info() for worker in group]
        course.megabytes.append(sum(memory.rss for memory in found) / 1e6)
        course.lag_seconds.append(load.seconds_behind(group))
        tables = [data_dir / "archive" / n for n in ("callbacks", "window_counts")]
        there = [t for t in tables if (t / "_delta_log").exists()]
        course.files.append(sum(len(DeltaTable(str(t)).file_uris()) for t in there))
        if time.monotonic() > upkeep:
            done = run_command("maintain", f"--data-dir={data_dir}", seconds=600)
            assert done.returncode == 0, done.stderr
            upkeep = time.monotonic() + UPKEEP_SECONDS
    return course


def report(course: Course, load: Load) -> None:
    """Print the course; pytest shows it with -s, or when the test fails."""
    quarters = [f"{mean(course.quarter(number)):.0f}" for number in (1, 2, 3, 4)]
    print(  # noqa: T201 - the figures are what it is run for
        f"\n{load.records} records in {SECONDS:.0f} s, {RATE}/s wanted; "
        f"memory of both workers by quarter, MB: {', '.join(quarters)}; "
        f"largest lag {max(course.lag_seconds):.1f} s; "
        f"most files {max(course.files)}, at the end {course.files[-1]}"
    )
