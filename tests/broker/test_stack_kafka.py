"""The embedded Kafka: its log outlives every death, and its failures are sentences."""

import os
import signal
import socket
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streams import topics
from streams.settings import ConfigurationError, load
from streams.stack import jars, ports, strays
from streams.stack.kafka import Kafka
from tests.broker.conftest import embedded_kafka, run_command

pytestmark = pytest.mark.broker


def values_of(bootstrap_servers: str, log: topics.Log) -> list[bytes]:
    """Read every record of topic callbacks."""
    partitions = [TopicPartition(topics.CALLBACKS, n) for n in range(log.partitions)]
    with KafkaConsumer(bootstrap_servers=bootstrap_servers) as consumer:
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.seek_to_beginning(*partitions)
        values: list[bytes] = []
        while any(consumer.position(p) < ends[p] for p in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                values += [record.value for record in records]
        return sorted(values)


def test_log_survives_kill_9_and_other_ports(tmp_path: Path) -> None:
    """The next start recovers every acknowledged record, in the same life of the log.

    The ports differ from run to run, the controller's too, which is written into the
    settings of the quorum.
    """
    sent = [b"%d" % number for number in range(200)]
    with embedded_kafka(tmp_path) as first:
        log = topics.ensure_topics(first, 3)
        with KafkaProducer(bootstrap_servers=first, acks="all") as producer:
            for number, value in enumerate(sent):
                producer.send(topics.CALLBACKS, value, partition=number % 3)
            producer.flush()
        (broker,) = strays.of_data_dir(tmp_path)
        os.kill(broker.pid, signal.SIGKILL)
        broker.wait(10)

    with embedded_kafka(tmp_path) as second:
        assert second != first
        assert topics.ensure_topics(second, 3) == log
        assert values_of(second, log) == sorted(sent)


def test_busy_port_is_a_sentence_with_the_cause_and_the_log(tmp_path: Path) -> None:
    """What Java says in a hundred lines is one line here."""
    said = (
        r"^Kafka cannot start, it ended \(exit code 1\): .*Address already in use.* "
        r"\(its log: .*kafka\.log\)\.$"
    )
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        starting = embedded_kafka(tmp_path, busy.getsockname()[1])
        with pytest.raises(ConfigurationError, match=said):
            starting.__enter__()


def test_format_that_is_killed_half_way_is_begun_again(tmp_path: Path) -> None:
    """A log gets its name only when it is complete."""
    kafka = Kafka(tmp_path / "kafka", jars.find(load()), 1, 2)
    unfinished = kafka.folder / "log-unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "bootstrap.checkpoint.tmp").write_bytes(b"half")

    kafka.prepare(tmp_path / "kafka.log")

    assert not unfinished.exists()
    assert (kafka.folder / "log" / "meta.properties").exists()


def test_folder_without_kafka_is_an_error_that_names_it(tmp_path: Path) -> None:
    """A wrong --kafka-jars is said at once, by a command that ends with 2."""
    folder = f"--data-dir={tmp_path / 'data'}"

    done = run_command("up", folder, f"--kafka-jars={tmp_path}", "--kafka-port=0")

    assert done.returncode == 2
    assert done.stderr == (
        f"Error: The folder {tmp_path} holds no kafka_2.*.jar: set --kafka-jars to the "
        f"folder libs of an Apache Kafka 4 distribution.\n"
    )


def test_without_jars_and_without_maven_both_ways_out_are_named(tmp_path: Path) -> None:
    """The first start needs Maven Central once; here nothing answers at the proxy."""
    nobody = f"http://127.0.0.1:{ports.choose('kafka', 0)}"
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY"), nobody)

    done = run_command(
        "up",
        f"--data-dir={tmp_path / 'data'}",
        f"--cache-dir={tmp_path / 'cache'}",
        "--kafka-port=0",
        environment={**proxies, "NO_PROXY": "", "no_proxy": ""},
    )

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Maven Central cannot be reached" in done.stderr
    assert "--bootstrap-servers" in done.stderr
    assert "--kafka-jars" in done.stderr
    assert list((tmp_path / "cache").iterdir()) == []
