"""Three workers, and everything that may happen to them, on real processes.

`make test` does each once, to 100,000 records; `make chaos` everything several times
to a million records, with three seeds. docs/exactly-once.md says what is promised.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from kafka import KafkaProducer

from streams import topics
from tests.broker import load
from tests.broker.chaos import (
    Broker,
    Group,
    Worker,
    has_begun,
    has_something_to_commit,
)
from tests.broker.conftest import run_command
from tests.broker.test_exactly_once import archived, query

FULL = os.environ.get("UNDELIVERED_FULL_LOAD") == "1"
RECORDS = int(os.environ.get("UNDELIVERED_CHAOS_RECORDS", "0")) or (
    1_000_000 if FULL else 100_000
)
ROUNDS = 3 if FULL else 1
SEEDS = (1, 2, 3) if FULL else (1,)
COPIES = 0.02
PATIENCE_SECONDS = 600.0
# Longer than the session timeout of 8 s: others have the partitions when it wakes up.
PAUSE_SECONDS = 14.0
_AT_ONCE = 5_000

pytestmark = [pytest.mark.broker, pytest.mark.timeout(7_200 if FULL else 1_500)]


class Sent:
    """Callbacks written to Kafka, and what the tables have to say of them."""

    def __init__(self, servers: str, seed: int) -> None:
        """Write nothing yet."""
        self.log = topics.ensure_topics(servers, 8)
        self.records = self.events = 0
        self.cells: Counter[load.Cell] = Counter()
        self._seed = seed * 1_000
        self._draw = random.Random(seed)  # noqa: S311 - a test's choice
        self._producer = KafkaProducer(
            bootstrap_servers=servers.split(","), linger_ms=20, retries=1_000
        )

    def write(self, count: int) -> None:
        """Write that many events, some of them twice, and wait until Kafka has them."""
        for begin in range(0, count, _AT_ONCE):
            self._seed += 1
            sent = load.callbacks(min(_AT_ONCE, count - begin), self._seed)
            self.cells.update(load.expected_cells(sent))
            self.events += len(sent)
            for body in load.with_copies(sent, COPIES, self._seed):
                self._send(body)
        self._producer.flush()

    def _send(self, body: bytes) -> None:
        begin = body.index(b'"id": "') + 7
        key = body[begin : body.index(b'"', begin)]
        partition = topics.partition_of(key, self.log.partitions)
        self._producer.send("callbacks", body, key=key, partition=partition)
        self.records += 1

    def close(self) -> None:
        """Let the producer go."""
        self._producer.close()


# ------------------------------------------------------------------------------ faults


def kill(group: Group, draw: random.Random, _: Broker) -> None:
    """Kill a worker with -9."""
    group.replace(draw.choice(group.workers), signal.SIGKILL)


def end(group: Group, draw: random.Random, _: Broker) -> None:
    """Ask a worker to end."""
    group.replace(draw.choice(group.workers), signal.SIGTERM)


def pause(group: Group, draw: random.Random, _: Broker) -> None:
    """Stop a worker until others have its partitions, then let it go on."""
    worker = draw.choice(group.workers)
    until(lambda: has_something_to_commit(worker), seconds=5)
    worker.process.send_signal(signal.SIGSTOP)
    time.sleep(PAUSE_SECONDS)  # the fault itself
    worker.process.send_signal(signal.SIGCONT)


def kill_broker(_: Group, __: random.Random, broker: Broker) -> None:
    """Kill Kafka with -9 and start it again."""
    broker.kill()


def start_a_second_group(group: Group, draw: random.Random, _: Broker) -> None:
    """Let a worker of another group write to the same archive for a while."""
    intruder: Worker = group.spawn("started-by-mistake")
    until(lambda: has_begun(intruder), seconds=60)
    time.sleep(draw.uniform(3, 6))  # the fault itself
    group.look(intruder)
    intruder.process.terminate()
    intruder.process.wait(60)


def rewrite_files(group: Group, _: random.Random, __: Broker) -> None:
    """Compact the files of both tables while they are written to."""
    done = run_command(
        "maintain", f"--data-dir={group.data_dir}", seconds=PATIENCE_SECONDS
    )
    assert done.returncode == 0, done.stderr


def until(look: Callable[[], bool], seconds: float) -> None:
    """Wait for the right moment, though not for ever."""
    deadline = time.monotonic() + seconds
    while not look() and time.monotonic() < deadline:
        time.sleep(0.05)


FAULTS = (kill, pause, kill_broker, end, start_a_second_group, rewrite_files)


# -------------------------------------------------------------------------------- test


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Run a Kafka of this test's own."""
    running = Broker(tmp_path / "kafka")
    try:
        yield running
    finally:
        running.end()


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_done_to_three_workers_the_tables_are_exact(
    seed: int, broker: Broker, tmp_path: Path
) -> None:
    """Rows are the records, each once; the counts are exact; there is no gap."""
    draw = random.Random(seed)  # noqa: S311 - a test's choice
    sent = Sent(broker.servers, seed)
    group = Group(broker.servers, tmp_path / "data")
    faults = [fault for _ in range(ROUNDS) for fault in draw.sample(FAULTS, 6)]
    try:
        group.start(3)
        sent.write(RECORDS // 10)
        wait_until_archived(group, sent.records)
        for fault in faults:
            do_under_load(
                fault, group, draw, broker, sent, RECORDS * 8 // 10 // len(faults)
            )
        sent.write(RECORDS - sent.events)
        wait_until_archived(group, sent.records)
        codes = group.end()
    finally:
        sent.close()
        group.kill()
    report(seed, group, sent)
    assert codes == [0, 0, 0], group.logs()
    assert_exact(group.data_dir, sent)


def do_under_load(  # noqa: PLR0913, PLR0917 - all that there is
    fault: Any,  # noqa: ANN401 - a function with a name
    group: Group,
    draw: random.Random,
    broker: Broker,
    sent: Sent,
    count: int,
) -> None:
    """Write records, and somewhere in the middle let something happen."""
    writing = Thread(target=sent.write, args=(count,))
    writing.start()
    time.sleep(draw.uniform(0, 2))  # it may happen at any moment
    began = time.monotonic()
    fault(group, draw, broker)
    writing.join()
    wait_until_archived(group, sent.records)
    name = fault.__name__
    group.happened[name] += 1
    group.recovered.setdefault(name, []).append(time.monotonic() - began)


def wait_until_archived(group: Group, records: int) -> None:
    """Wait until the table has a row for each record."""
    group.wait_for(
        lambda: archived(group.data_dir) >= records,
        f"{records} rows, {archived(group.data_dir)} there",
        PATIENCE_SECONDS,
    )


def report(seed: int, group: Group, sent: Sent) -> None:
    """Print what happened; pytest shows it with -s, or when the test fails."""
    times = {
        name: ", ".join(f"{seconds:.1f}" for seconds in found)
        for name, found in group.recovered.items()
    }
    print(f"\nseed {seed}: {sent.records} records, {dict(group.happened)}")  # noqa: T201
    print(f"seconds from a fault until all was archived: {times}")  # noqa: T201


def assert_exact(data_dir: Path, sent: Sent) -> None:
    """Compare both tables with what was written, without the project's rules."""
    partitions = query(
        data_dir,
        "select kafka_partition, count(*), count(distinct kafka_offset), "
        "min(kafka_offset), max(kafka_offset), count(distinct log_id), "
        "max(kafka_index) from callbacks group by all",
    )
    for partition, rows, offsets, first, last, logs, index in partitions:
        assert (rows, first, logs, index) == (offsets, 0, 1, 0), partition
        assert last == rows - 1, f"a gap in partition {partition}"
    assert sum(row[1] for row in partitions) == sent.records

    events = query(
        data_dir,
        "select count(*), count(distinct message_id) from callbacks where not is_copy",
    )
    assert events == [(sent.events, sent.events)]

    cells = query(
        data_dir,
        "select window_start, country, outcome, error_code, sum(events) "
        "from window_counts group by all",
    )
    assert Counter({cell[:4]: int(cell[4]) for cell in cells}) == sent.cells

    checked = run_command("check", "--data-dir", str(data_dir), seconds=600)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
