"""A real Kafka whose log has holes, is made again, or lost its last records."""

import asyncio
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from kafka import KafkaProducer, TopicPartition

from streams import topics
from streams.archive import transactions
from streams.archive.place import Folder
from streams.stack import ports
from tests.broker.conftest import PROGRAM, embedded_kafka, run_command, wait_for
from tests.worker import logs
from tests.worker.logs import body

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]


@contextmanager
def worker(
    data_dir: Path, servers: str, *options: str, ends: bool = False
) -> Iterator[Path]:
    """Run a worker; stop it by SIGTERM at the end; give the file of what it says.

    Args:
        data_dir: Its data folder.
        servers: Kafka.
        options: Further options.
        ends: It ends by itself, as it cannot go on.
    """
    said = data_dir / "worker.log"
    data_dir.mkdir(parents=True, exist_ok=True)
    with said.open("wb") as file:
        process = subprocess.Popen(
            [
                *PROGRAM,
                "work",
                f"--data-dir={data_dir}",
                f"--bootstrap-servers={servers}",
                "--worker-port=0",
                "--partitions=1",
                *options,
            ],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={"UNDELIVERED_FLUSH_SECONDS": "0.3", "UNDELIVERED_DATA_DIR": ""},
        )
    try:
        yield said
        if not ends:
            process.send_signal(signal.SIGTERM)
        assert process.wait(90) == (1 if ends else 0), said.read_text()
    finally:
        process.kill()
        process.wait()


def positions(data_dir: Path) -> dict[str, int]:
    """Return the position of table callbacks by log."""
    folder = data_dir / "archive" / "callbacks"
    if not (folder / "_delta_log").is_dir():
        return {}
    found = transactions.read(Folder(folder))
    return {n.removesuffix("/0"): at for n, at in found.items() if n.endswith("/0")}


def wait_until_at(data_dir: Path, said: Path, position: int, life: str = "") -> None:
    """Wait until a life of the log is archived up to a position."""

    def look() -> bool:
        at = {n: p for n, p in positions(data_dir).items() if n.endswith(life)}
        return position in at.values()

    try:
        wait_for(look, f"position {position}", 60)
    except pytest.fail.Exception:
        pytest.fail(f"{positions(data_dir)}, not {position}:\n{said.read_text()}")


def send(servers: str, values: Sequence[bytes]) -> None:
    """Produce records to partition 0 and wait for Kafka."""
    producer = KafkaProducer(bootstrap_servers=servers, acks="all")
    try:
        for value in values:
            producer.send(topics.CALLBACKS, value, partition=0).get(30)
    finally:
        producer.close()


def bodies(names: str) -> list[bytes]:
    """Return one body a letter."""
    return [body(name) for name in names]


async def in_transactions(servers: str, ends: Mapping[str, bool]) -> None:
    """Produce bodies in one transaction each: committed or aborted."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id="test")
    await producer.start()
    try:
        for names, is_committed in ends.items():
            await producer.begin_transaction()
            for value in bodies(names):
                await producer.send_and_wait(topics.CALLBACKS, value, partition=0)
            if is_committed:
                await producer.commit_transaction()
            else:
                await producer.abort_transaction()
    finally:
        await producer.stop()


def archived(data_dir: Path, log_id: str) -> list[tuple[int, str]]:
    """Return offset and message of each archived row of a log."""
    return sorted(
        (row["kafka_offset"], row["message_id"])
        for row in logs.rows(data_dir, "callbacks")
        if row["log_id"] == log_id
    )


def gaps(data_dir: Path) -> list[tuple[int, int]]:
    """Return the rows of table gaps: first and last offset."""
    try:
        DeltaTable(str(data_dir / "archive" / "gaps"))
    except TableNotFoundError:
        return []
    rows = logs.rows(data_dir, "gaps")
    return sorted((row["from_offset"], row["to_offset"]) for row in rows)


def check(data_dir: Path) -> subprocess.CompletedProcess[str]:
    """Run the check."""
    return run_command("check", f"--data-dir={data_dir}")


def delete_below(servers: str, offset: int) -> None:
    """Let Kafka delete records as its retention does."""
    admin = topics.admin_client(servers)
    try:
        admin.delete_records({TopicPartition(topics.CALLBACKS, 0): offset})
    finally:
        admin.close()


def make_topic_again(servers: str) -> None:
    """Delete the topic and make it: another log, offsets from 0."""
    old = topics.current_log(servers)
    admin = topics.admin_client(servers)
    try:
        admin.delete_topics([topics.CALLBACKS])
        wait_for(lambda: topics.CALLBACKS not in admin.list_topics(), "no topic")
    finally:
        admin.close()

    def look() -> Any:  # noqa: ANN401 - a log
        log = topics.ensure_topics(servers, 1)
        return log if log.log_id != old.log_id else None

    wait_for(look, "another log")


def test_holes_are_no_loss_and_losses_are_known(tmp_path: Path) -> None:
    """Transactions, retention, and the topic made again, one after the other."""
    data_dir = tmp_path / "data"
    with embedded_kafka(tmp_path / "stack") as servers:
        log_id = topics.ensure_topics(servers, 1).log_id

        # a, marker, b c, marker, d, and an aborted transaction at the very end
        asyncio.run(in_transactions(servers, {"a": True, "bc": False, "d": True}))
        asyncio.run(in_transactions(servers, {"efg": False}))
        (end,) = topics.end_offsets(servers).values()
        with worker(data_dir, servers) as said:
            wait_until_at(data_dir, said, end)
        assert [name for _, name in archived(data_dir, log_id)] == ["a", "d"]
        done = check(data_dir)
        assert (done.returncode, gaps(data_dir)) == (0, []), done.stdout + done.stderr

        # nobody works, and Kafka deletes three of five
        send(servers, bodies("hijkl"))
        delete_below(servers, end + 3)
        with worker(data_dir, servers) as said:
            wait_until_at(data_dir, said, end + 5)
            send(servers, bodies("m"))
            wait_until_at(data_dir, said, end + 6)
        assert [name for _, name in archived(data_dir, log_id)] == [*"adklm"]
        assert gaps(data_dir) == [(end, end + 2)]
        done = check(data_dir)
        assert done.returncode == 1
        assert "records_lost_by_retention" in done.stdout
        assert "records_are_not_missing" not in done.stdout

        make_topic_again(servers)
        send(servers, bodies("am"))
        with worker(data_dir, servers) as said:
            wait_until_at(data_dir, said, 2)
        again = topics.current_log(servers).log_id
        assert archived(data_dir, again) == [(0, "a"), (1, "m")]
        assert [
            row["is_copy"]
            for row in logs.rows(data_dir, "callbacks")
            if row["log_id"] == again
        ] == [True, True]
        assert len(archived(data_dir, log_id)) == 5


def test_a_lost_tail_stops_the_worker_until_it_is_accepted(tmp_path: Path) -> None:
    """Kafka's folder as it was before its last records: the same topic, other ones."""
    data_dir, stack = tmp_path / "data", tmp_path / "stack"
    kept = tmp_path / "kept"
    port = ports.choose("kafka", 0)
    working = ExitStack()
    with embedded_kafka(stack, port) as servers:
        log_id = topics.ensure_topics(servers, 1).log_id
        send(servers, bodies("abcd"))
        # what is on the disk when the power fails; Kafka recovers it as after a crash
        shutil.copytree(stack / "kafka", kept)
        send(servers, bodies("efg"))
        said = working.enter_context(worker(data_dir, servers, ends=True))
        wait_until_at(data_dir, said, 7)
    shutil.rmtree(stack / "kafka")
    kept.rename(stack / "kafka")

    with working, embedded_kafka(stack, port) as servers:
        assert topics.current_log(servers).log_id == log_id
        send(servers, bodies("uvwxyz"))  # longer than what was lost
        working.close()  # whoever was connected all the time notices, and ends
        assert "lost records" in said.read_text()
        assert "Traceback" not in said.read_text()
        stopped = work_until_it_ends(data_dir, servers)
        assert "has another record at offset 6 than the archive" in stopped
        assert "--accept-log-loss" in stopped
        assert "Traceback" not in stopped

        with worker(data_dir, servers, "--accept-log-loss") as said:
            wait_until_at(data_dir, said, 10, "~1")
            send(servers, bodies("Z"))
            wait_until_at(data_dir, said, 11, "~1")
        assert "offset 4 to 6" in said.read_text()

    assert "".join(name for _, name in archived(data_dir, log_id)) == "abcdefg"
    assert archived(data_dir, f"{log_id}~1") == list(enumerate("uvwxyzZ", 4))
    assert gaps(data_dir) == []
    done = check(data_dir)
    assert done.returncode == 0, done.stdout


def work_until_it_ends(data_dir: Path, servers: str) -> str:
    """Run a worker that cannot go on; return what it says."""
    done = run_command(
        "work",
        f"--data-dir={data_dir}",
        f"--bootstrap-servers={servers}",
        "--worker-port=0",
        "--partitions=1",
    )
    assert done.returncode == 1, done.stderr
    return done.stderr
