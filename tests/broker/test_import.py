"""Files of history into the archive: each form, killed at any time, run again, exact.

`make test` runs each load at a tenth; UNDELIVERED_FULL_LOAD=1 in full.
"""

import gzip
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cramjam
import psutil
import pytest
from kafka import KafkaConsumer, TopicPartition

from streams import topics
from streams.core.outline import outline
from streams.intake.importing import catching_up, run, sending
from streams.intake.importing.gathering import Outgoing
from streams.settings import ConfigurationError, load
from tests.broker import load as loads
from tests.broker.conftest import PROGRAM, embedded_kafka, run_command, wait_for
from tests.broker.test_exactly_once import archived, assert_exact, query, worker

pytestmark = [pytest.mark.broker, pytest.mark.timeout(900)]

FULL = os.environ.get("UNDELIVERED_FULL_LOAD") == "1"
EVENTS = 200_000 if FULL else 20_000
COPIES = 0.05
PARTITIONS = 8


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Kafka for the module: its address."""
    with embedded_kafka(tmp_path_factory.mktemp("import")) as servers:
        yield servers


@pytest.fixture
def servers(broker: str) -> Iterator[str]:
    """A Kafka whose topics are new."""
    topics.ensure_topics(broker, PARTITIONS)
    yield broker
    admin = topics.admin_client(broker)
    names = [spec.name for spec in topics.TOPICS]
    admin.delete_topics(names)
    wait_for(lambda: not set(names) & set(admin.list_topics()), "topics deleted")
    admin.close()


def callback(message_id: str, **fields: object) -> bytes:
    """Return one readable callback."""
    message = {"id": message_id}
    return json.dumps({"type": "message-failed", "message": message, **fields}).encode()


def options(servers: str, data_dir: Path) -> list[str]:
    """Return where an import finds Kafka and the archive."""
    return [f"--bootstrap-servers={servers}", f"--data-dir={data_dir}"]


def imported(servers: str, data_dir: Path, *paths: Path | str) -> dict[str, Any]:
    """Run an import to its end; return its summary and what it said."""
    words = ["import", *map(str, paths), "--format=json", *options(servers, data_dir)]
    done = run_command(*words, seconds=300)
    assert done.returncode == 0, done.stderr
    (summary,) = json.loads(done.stdout)
    return {**summary, "said": done.stderr}


@contextmanager
def importing(
    servers: str, data_dir: Path, path: Path | str, stderr: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run an import that can be fed and killed."""
    words = ["import", str(path), "--format=json", *options(servers, data_dir)]
    with stderr.open("wb") as said:
        process = subprocess.Popen(
            [*PROGRAM, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def records(servers: str) -> list[tuple[bytes, dict[str, bytes]]]:
    """Read the whole topic with another client: value and headers."""
    ends = topics.end_offsets(servers)
    consumer = KafkaConsumer(bootstrap_servers=[servers])
    places = [TopicPartition("callbacks", number) for number in ends]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    found = []
    while any(consumer.position(place) < ends[place.partition] for place in places):
        for part in consumer.poll(timeout_ms=1_000).values():
            found += [(record.value, dict(record.headers)) for record in part]
    consumer.close()
    return found


def elements(servers: str) -> list[bytes]:
    """Return the bytes of each element in the topic."""
    return [e.content for value, _ in records(servers) for e in outline(value)]


def has_records(servers: str, more_than: int = 0) -> bool:
    """Tell whether the topic has more than so many records."""
    return sum(topics.end_offsets(servers).values()) > more_than


def test_each_form_reaches_the_archive_unchanged(servers: str, tmp_path: Path) -> None:
    """A folder of all forms, and standard input: every callback once, by its bytes."""
    folder, data_dir = tmp_path / "history", tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    sent = [callback(f"m{n}", futureField=n, description="é") for n in range(13)]
    body = b"[" + sent[0] + b" , " + sent[1] + b"]"
    text = json.dumps({"body": (b"[" + sent[6] + b"]").decode()}).encode()
    (folder / "body").write_bytes(body)
    (folder / "bodies").write_bytes(b"[%b]\n[%b,%b]\n" % tuple(sent[2:5]))
    (folder / "callbacks.json").write_bytes(gzip.compress(sent[5] + b"\r\n"))
    log = text + b'\n{"status":200,"body":[%b]}\n{"body":null}\n' % sent[7]
    (folder / "sub" / "log").write_bytes(bytes(cramjam.zstd.compress(log)))
    (folder / "sub" / "pretty").write_bytes(b"[\n " + b",\n ".join(sent[8:11]) + b"]")

    with worker(servers, data_dir, flush_seconds=0.5):
        summary = imported(servers, data_dir, folder)
        with importing(servers, data_dir, "-", tmp_path / "said") as process:
            output, _ = process.communicate(b"\n".join(sent[9:]))
        wait_for(lambda: archived(data_dir) >= 13, "all rows", 60)
        found = query(data_dir, "select message_id, source, origin from callbacks")

    assert (summary["files"], summary["callbacks"], summary["sent"]) == (5, 11, 11)
    (second,) = json.loads(output)
    assert (second["already_archived"], second["sent"]) == (2, 2)
    assert sorted(elements(servers)) == sorted(sent)
    assert sorted(found) == sorted((f"m{n}", "import", None) for n in range(13))
    assert f"{folder / 'sub' / 'log'}: log lines with a body, zstd" in summary["said"]


def test_killed_in_the_middle_and_run_again_is_exact(
    servers: str, tmp_path: Path
) -> None:
    """After kill -9 while it reads and while it sends, a last run makes it whole."""
    sent = loads.callbacks(EVENTS, seed=21)
    bodies = loads.with_copies(sent, COPIES, seed=22)
    path, data_dir = tmp_path / "history.ndjson", tmp_path / "data"
    path.write_bytes(b"\n".join(bodies) + b"\n")

    with worker(servers, data_dir, flush_seconds=0.5) as (process, _):
        with importing(servers, data_dir, "-", tmp_path / "said-1") as first:
            assert first.stdin is not None
            first.stdin.write(b"\n".join(bodies[: len(bodies) * 2 // 3]))
            first.stdin.flush()
            wait_for(lambda: has_records(servers), "first records in Kafka")
            first.kill()
        before = sum(topics.end_offsets(servers).values())
        with importing(servers, data_dir, "-", tmp_path / "said-2") as second:
            assert second.stdin is not None
            second.stdin.write(b"\n".join(bodies[: len(bodies) * 5 // 6]))
            second.stdin.flush()
            wait_for(
                lambda: has_records(servers, before), "further records in Kafka", 60
            )
            second.kill()

        last = imported(servers, data_dir, path)
        again = imported(servers, data_dir, path)
        positions = loads.topic_positions(servers)
        wait_for(lambda: archived(data_dir) >= len(positions), "all rows", 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0

    assert last["callbacks"] == len(bodies)
    assert 0 < last["already_archived"] < len(bodies)
    assert last["sent"] == len(bodies) - last["already_archived"]
    assert (again["already_archived"], again["sent"]) == (len(bodies), 0)
    assert_exact(data_dir, sent, positions)


def test_what_cannot_be_read_is_parked_once_with_its_place(
    servers: str, tmp_path: Path
) -> None:
    """File and line are in the archive, and a second run parks nothing again."""
    lines = [
        b"nonsense \x1b[31m",
        callback("m1"),
        b'[1,1,{"type":"t","message":{"id":"m"},"x":' + callback("m2") + b"}]",
        b'{"type":"t","message":{"id":""}}',
        b"\xff\xfe",
    ]
    path, data_dir = tmp_path / "häßlich", tmp_path / "data"
    path.write_bytes(b"\n".join(lines))

    with worker(servers, data_dir, flush_seconds=0.5):
        first = imported(servers, data_dir, path)
        second = imported(servers, data_dir, path)
        wait_for(lambda: archived(data_dir) >= 7, "rows", 60)
        found = query(
            data_dir, "select origin, raw from callbacks where problem is not null"
        )

    expected = [(1, lines[0]), (3, b"1"), (3, b"1"), (4, lines[3]), (5, lines[4])]
    assert sorted(found) == sorted((f"{path}:{line}", raw) for line, raw in expected)
    assert archived(data_dir) == 7
    assert (first["parked"], first["callbacks"], first["sent"]) == (5, 2, 7)
    assert (second["already_parked"], second["parked"], second["sent"]) == (5, 0, 0)
    assert f"Parked: {path}:1: not JSON" in first["said"]
    assert "\x1b" not in first["said"]
    assert {headers["source"] for _, headers in records(servers)} == {b"import"}


def test_a_second_run_waits_for_the_worker(servers: str, tmp_path: Path) -> None:
    """What the first has sent is archived before the second looks what is."""
    path, data_dir = tmp_path / "history", tmp_path / "data"
    path.write_bytes(b"\n".join(callback(f"m{n}") for n in range(1_000)))
    assert imported(servers, data_dir, path)["sent"] == 1_000  # no worker is needed

    said = tmp_path / "said"
    with importing(servers, data_dir, path, said) as second:
        wait_for(lambda: b"waiting for the worker" in said.read_bytes(), "its words")
        with worker(servers, data_dir, flush_seconds=0.5):
            output, _ = second.communicate(timeout=60)

    (summary,) = json.loads(output)
    assert (summary["already_archived"], summary["sent"]) == (1_000, 0)
    assert len(elements(servers)) == 1_000


def test_without_a_worker_it_says_how_to_start_one(
    servers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not wait for ever, and sends nothing."""
    monkeypatch.setattr(catching_up, "NO_WORKER_SECONDS", 0.5)
    loads.produce(servers, [b"[" + callback("m1") + b"]"])
    path = tmp_path / "history"
    path.write_bytes(callback("m2"))
    log = topics.current_log(servers)

    with pytest.raises(ConfigurationError, match=r"no worker runs.*undelivered work"):
        run.run(load(data_dir=tmp_path / "data"), servers, log, [str(path)])

    assert elements(servers) == [callback("m1")]


def test_a_worker_of_another_archive_is_not_waited_for_for_ever(
    servers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence asks for the right --data-dir."""
    monkeypatch.setattr(catching_up, "NO_WORKER_SECONDS", 0.1)
    monkeypatch.setattr(catching_up, "STALLED_SECONDS", 1.0)
    loads.produce(servers, [b"[" + callback("m1") + b"]"])
    settings = load(data_dir=tmp_path / "data", flush_seconds=0.1)
    log = topics.current_log(servers)

    with worker(servers, tmp_path / "another", flush_seconds=0.5):
        wait_for(lambda: archived(tmp_path / "another") > 0, "rows", 60)
        with pytest.raises(ConfigurationError, match="same --data-dir"):
            run.run(settings, servers, log, [str(tmp_path)])


def test_ctrl_c_ends_it_with_what_is_sent(servers: str, tmp_path: Path) -> None:
    """What it says it has sent is in Kafka; what to do is said."""
    lines = [callback(f"m{n}", description="x" * 400) for n in range(20_000)]
    said = tmp_path / "said"
    with importing(servers, tmp_path / "data", "-", said) as process:
        assert process.stdin is not None
        process.stdin.write(b"\n".join(lines))
        process.stdin.flush()
        wait_for(lambda: has_records(servers), "first records in Kafka")
        process.send_signal(signal.SIGINT)
        output = process.stdout.read() if process.stdout else b""
        assert process.wait(10) == 130

    (summary,) = json.loads(output)
    found = elements(servers)
    assert 0 < summary["sent"] == len(found) < len(lines)
    assert set(found) <= set(lines)
    assert b"Run it again" in said.read_bytes()


def test_what_came_to_nothing_is_named(servers: str, tmp_path: Path) -> None:
    """A damaged file and a foreign one: the others are imported, the exit code is 1."""
    folder = tmp_path / "history"
    folder.mkdir()
    (folder / "1").write_bytes(gzip.compress(callback("m1"))[:-9])
    (folder / "2").write_bytes(b"PK\x03\x04" + b"\x00" * 50)
    (folder / "3").write_bytes(callback("m3"))

    done = run_command("import", str(folder), *options(servers, tmp_path / "data"))

    assert done.returncode == 1
    assert f"Not imported: {folder / '1'}: cannot be read (Truncated" in done.stderr
    assert f"Not imported: {folder / '2'}: a zip archive" in done.stderr
    assert elements(servers) == [callback("m3")]
    assert "callbacks_per_second" in done.stdout


def peak_memory(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a process's end; return the most memory it ever had, MiB."""
    status = Path(f"/proc/{process.pid}/status")
    peak = 0
    while process.poll() is None:
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        peak = int(found[1]) >> 10 if found else peak
        time.sleep(0.02)
    assert process.returncode == 0
    return peak


def test_memory_does_not_grow_with_the_file(servers: str, tmp_path: Path) -> None:
    """A file ten times as long, packed, takes no more memory."""
    peaks = []
    line = b"[" + callback("m", description="x" * 900) + b"]\n"
    for megabytes in (15, 150):
        path, data_dir = tmp_path / f"{megabytes}.gz", tmp_path / f"{megabytes}"
        with gzip.open(path, "wb", compresslevel=1) as file:
            for _ in range(megabytes):
                file.write(line * 1_000)
        with (tmp_path / "said").open("wb") as said:
            words = ["import", str(path), *options(servers, data_dir)]
            process = subprocess.Popen([*PROGRAM, *words], stdout=said, stderr=said)
        peaks.append(peak_memory(process))
        # The next one has an archive of its own, which nobody has put this into.
        admin = topics.admin_client(servers)
        ends = topics.end_offsets(servers)
        admin.delete_records(
            {TopicPartition("callbacks", n): end for n, end in ends.items()}
        )
        admin.close()

    assert peaks[1] - peaks[0] < 60
    assert peaks[1] < 300


def listening(process: psutil.Process) -> list[Any]:
    """Return the sockets a process listens on."""
    connections = process.net_connections("tcp")
    return [c for c in connections if c.status == psutil.CONN_LISTEN]


def test_a_silent_kafka_is_given_up(
    servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not wait for ever, and says that running it again is safe."""
    monkeypatch.setattr(sending, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(sending, "_QUIET_SECONDS", 0.5)
    port = int(servers.rpartition(":")[2])
    (java,) = [
        child
        for child in psutil.Process().children(recursive=True)
        if port in {connection.laddr.port for connection in listening(child)}
    ]
    record = topics.Record(0, None, b"[" + callback("m") + b"]")
    said: list[str] = []
    with sending.Sender(servers, said.append) as sender:
        java.suspend()
        try:
            sender.put(Outgoing(record, None, 1))
            with pytest.raises(ConfigurationError, match=r"import again"):
                sender.finish()
        finally:
            java.resume()
    assert said == ["Kafka has acknowledged nothing for 0.5 s; waiting."]


def test_no_kafka_is_one_sentence(tmp_path: Path) -> None:
    """Nothing is read before there is somewhere to send it."""
    done = run_command("import", str(tmp_path), *options("127.0.0.1:1", tmp_path))

    assert done.returncode == 2
    assert done.stderr.startswith("Error: No Kafka answers at 127.0.0.1:1: ")
