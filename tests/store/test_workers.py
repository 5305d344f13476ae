"""Workers over tables in an object store, killed while they write; others read them."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from kafka import KafkaProducer

from streams import topics
from streams.archive.site import Site
from streams.stack import ports
from streams.warehouse import connect
from tests.broker.conftest import PROGRAM, embedded_kafka, run_command, wait_for
from tests.store.conftest import variables
from tests.worker.logs import body

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]

PARTITIONS = 2
FULL = os.environ.get("UNDELIVERED_FULL_LOAD") == "1"
KILLS = 8 if FULL else 1
RECORDS = 900 * (KILLS + 1)


@contextmanager
def process(
    where: Site, servers: str, command: str, said: Path, *options: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of the stack over the store; it is killed at the end."""
    with said.open("ab") as file:
        running = subprocess.Popen(
            [*PROGRAM, command, f"--bootstrap-servers={servers}", *options],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={
                **variables(where),
                "UNDELIVERED_FLUSH_SECONDS": "0.3",
                "UNDELIVERED_COUNTS_SECONDS": "1",
                "UNDELIVERED_PARTITIONS": str(PARTITIONS),
            },
        )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def archived(where: Site) -> int:
    """Return how many rows table callbacks has; 0 before there is one."""
    place = where.table("callbacks")
    try:
        table = DeltaTable(place.uri, storage_options=place.options)
    except DeltaError:
        return 0
    return int(sum(table.get_add_actions(flatten=True)["num_records"].to_pylist()))


def produce(servers: str, begin: int, end: int) -> None:
    """Write records, each third one a copy of the one before it."""
    producer = KafkaProducer(bootstrap_servers=servers, acks="all")
    try:
        for number in range(begin, end):
            message_id = f"m{number - (number % 3 == 2)}"
            partition = topics.partition_of(message_id.encode(), PARTITIONS)
            producer.send(
                topics.CALLBACKS, body(message_id, time=None), partition=partition
            )
        producer.flush(60)
    finally:
        producer.close()


def check(known: Mapping[str, str], monitor_port: int) -> str:
    """Compare the archive with itself and with a monitor; return what is said."""
    words = ("check", f"--monitor-port={monitor_port}")
    told = run_command(*words, environment=known)
    return told.stdout if told.returncode == 0 else ""


def test_each_record_is_in_the_store_once_whoever_is_killed(
    bucket: Site, tmp_path: Path
) -> None:
    """Kill -9 at any moment: rows, copies and counts are those of the topic.

    The last worker has another data folder, as on another machine: it has no segments
    and reads the memory of copies back from the store.
    """
    chance = random.Random(7)  # noqa: S311 - not a secret
    said = tmp_path / "worker.log"
    folders = [bucket.data_dir, tmp_path / "another"]
    with ExitStack() as running:
        servers = running.enter_context(embedded_kafka(tmp_path / "stack"))
        topics.ensure_topics(servers, PARTITIONS)
        for number in range(KILLS + 1):
            share = RECORDS // (KILLS + 1)
            produce(servers, number * share, (number + 1) * share)
            before = archived(bucket)
            where = Site(folders[number == KILLS], bucket.store, bucket.options)
            worker = process(
                where, servers, "work", said, "--worker-port=0", "--member-id=one"
            )
            with worker as mine:
                if number == KILLS:
                    wait_for(lambda: archived(bucket) == RECORDS, "all rows", 120)
                    mine.send_signal(signal.SIGTERM)
                    assert mine.wait(60) == 0, said.read_text()
                    break
                wait_for(lambda: archived(bucket) > before, "more rows", 60)  # noqa: B023
                time.sleep(chance.random() / 2)  # into the middle of whatever it does

        with connect(bucket) as opened:
            found = opened.sql(
                "select count(*), count(distinct (kafka_partition, kafka_offset)),"
                " count(*) filter (is_copy), count(distinct message_id) from callbacks"
            ).fetchall()
            counted = opened.sql(
                "select sum(events) from stored_window_counts"
            ).fetchall()
        copies = RECORDS // 3
        assert found == [(RECORDS, RECORDS, copies, RECORDS - copies)]
        assert counted == [(RECORDS - copies,)]

        port = ports.choose("monitor", 0)
        running.enter_context(
            process(bucket, servers, "monitor", said, f"--monitor-port={port}")
        )
        look = ["--format=json", "--bootstrap-servers", servers]
        known = {k: v for k, v in variables(bucket).items() if k.startswith("UNDEL")}
        agreed = f"{RECORDS - copies:,} events of the last"
        wait_for(
            lambda: agreed in check(known, port),
            "a monitor that agrees with the store",
            120,
        )
        examined = run_command("doctor", *look, environment=known)
        findings = {row["check"]: row for row in json.loads(examined.stdout)}
        assert findings["positions"]["state"] == "well", examined.stdout
        assert findings["table callbacks"]["state"] == "well", examined.stdout
    assert "Traceback" not in said.read_text()
