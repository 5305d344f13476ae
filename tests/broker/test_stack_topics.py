"""The topics: made as they have to be, refused where they are not."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from streams import topics
from streams.settings import ConfigurationError
from streams.stack import ports
from tests.broker.conftest import run_command

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module", autouse=True)
def log(kafka: str) -> topics.Log:
    """The log of this session's Kafka, with 8 partitions."""
    return topics.ensure_topics(kafka, 8)


@contextmanager
def setting(kafka: str, topic: str, key: str, value: str) -> Iterator[None]:
    """Give a topic another setting for a while."""
    admin = topics.admin_client(kafka)
    resource = ConfigResourceType.TOPIC
    before = topics._config(admin, topic)[key]  # noqa: SLF001 - as the check reads it
    admin.alter_configs([ConfigResource(resource, topic, {key: value})])
    try:
        yield
    finally:
        admin.alter_configs([ConfigResource(resource, topic, {key: before})])
        admin.close()


@pytest.mark.parametrize(
    ("topic", "retention_ms"),
    [("callbacks", "604800000"), ("window-counts", "86400000")],
)
def test_topics_are_made_as_the_contract_says(
    kafka: str, topic: str, retention_ms: str
) -> None:
    """The broker's clock, 2 MiB, seven days and one; nothing is compacted."""
    admin = topics.admin_client(kafka)
    try:
        config = topics._config(admin, topic)  # noqa: SLF001 - no second reader
        partitions = admin.describe_topics([topic])[0]["partitions"]
    finally:
        admin.close()

    assert len(partitions) == 8
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert config["max.message.bytes"] == "2097152"
    assert config["retention.ms"] == retention_ms
    assert config["cleanup.policy"] == "delete"


def test_topics_that_are_right_are_left_alone(kafka: str, log: topics.Log) -> None:
    """Every process asks at its start; fewer partitions asked for are no fault."""
    assert topics.ensure_topics(kafka, 8) == log
    assert topics.ensure_topics(kafka, 1) == log
    assert topics.current_log(kafka) == log


@pytest.mark.parametrize("topic", ["callbacks", "window-counts"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("message.timestamp.type", "CreateTime"),
        ("max.message.bytes", "1048588"),
        ("cleanup.policy", "compact"),
    ],
)
def test_setting_that_would_lose_records_is_refused(
    kafka: str, topic: str, key: str, value: str
) -> None:
    """The error names the topic, the setting and what to set it to."""
    with (
        setting(kafka, topic, key, value),
        pytest.raises(
            ConfigurationError, match=f"Topic {topic} has {key}={value}: set"
        ),
    ):
        topics.ensure_topics(kafka, 8)


@pytest.mark.parametrize("command", ["receive", "work", "up"])
def test_too_few_partitions_end_a_command_with_2(kafka: str, command: str) -> None:
    """All copies of an event are in one partition: the count cannot grow by itself."""
    done = run_command(
        command, "--bootstrap-servers", kafka, "--partitions", "16", *port_of(command)
    )

    assert done.returncode == 2
    assert done.stderr == (
        "Error: Topic callbacks has 8 partitions, 16 are asked for: add partitions, or "
        "set --partitions 8.\n"
    )


def test_kafka_that_does_not_answer_is_said_within_seconds() -> None:
    """Not after half a minute, and with what to do."""
    nobody = f"127.0.0.1:{ports.choose('kafka', 0)}"

    done = run_command(
        "receive", "--bootstrap-servers", nobody, "--receiver-port=0", seconds=15
    )

    assert done.returncode == 2
    assert done.stderr == (
        f"Error: No Kafka answers at {nobody}: start it, or name another with "
        f"--bootstrap-servers.\n"
    )


def port_of(command: str) -> list[str]:
    """Give a command any free ports."""
    receiver, worker = "--receiver-port=0", "--worker-port=0"
    return {"receive": [receiver], "work": [worker], "up": [receiver, worker]}[command]
