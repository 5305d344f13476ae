"""The topics: names, settings, which partition, how a record is written and read."""

import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from streams.core import murmur2
from streams.settings import ConfigurationError

if TYPE_CHECKING:
    from kafka.admin import KafkaAdminClient

CALLBACKS = "callbacks"
WINDOW_COUNTS = "window-counts"
MAX_MESSAGE_BYTES = 2 << 20
SOURCE_HEADER = "source"
ORIGIN_HEADER = "origin"

_DAY_MS = 86_400_000
_BOOTSTRAP_MS = 5_000
_LOOK_SECONDS = 0.1
# Replication and in-sync replicas on a cluster that can lose one broker.
_SAFE_BROKERS = 3


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as this program makes it: name, retention in milliseconds."""

    name: str
    retention_ms: int

    def config(self, replication: int) -> dict[str, str]:
        """Return the topic's settings as Kafka names them."""
        settings = {
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "retention.ms": str(self.retention_ms),
        }
        if replication >= _SAFE_BROKERS:
            settings["min.insync.replicas"] = "2"
        return settings


TOPICS = (TopicSpec(CALLBACKS, 7 * _DAY_MS), TopicSpec(WINDOW_COUNTS, _DAY_MS))


@dataclass(frozen=True, slots=True)
class Log:
    """One life of the topic callbacks: Kafka's topic id, and its partition count."""

    log_id: str
    partitions: int


class ElementLike(Protocol):
    """What routing needs of one element of a body; core.callbacks.Element has it."""

    @property
    def content(self) -> bytes:
        """Its bytes, unchanged."""

    @property
    def message_id(self) -> str | None:
        """Its message id, where it has one."""

    @property
    def is_json(self) -> bool:
        """Whether it is one JSON value, and not a body that is parked whole."""


AnyElement = TypeVar("AnyElement", bound=ElementLike)


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a body: its bytes unchanged, and its message id when it has one.

    ``is_json`` is False for bytes that are parked whole: they are a record of their
    own, exactly as they came.
    """

    content: bytes
    message_id: str | None
    is_json: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """What is written to the topic: partition, key and value."""

    partition: int
    key: bytes | None
    value: bytes


def partition_of(content: bytes, partitions: int) -> int:
    """Return the partition for a message id (or, without one, an element's bytes).

    Args:
        content: The message id as UTF-8, or the bytes of an element that has none.
        partitions: Partitions of the topic; more than zero.

    Source:
        Kafka's default partitioner: (murmur2(key) & 0x7fffffff) mod partitions.
    """
    return (murmur2.hash_of(content) & 0x7FFFFFFF) % partitions


def by_partition(
    elements: Sequence[AnyElement], partitions: int
) -> dict[int, list[AnyElement]]:
    """Sort elements into partitions, by message id or, without one, by their bytes.

    Args:
        elements: Elements in the order they came.
        partitions: Partitions of the topic.

    Returns:
        For each partition that gets any, its elements in their order.
    """
    groups: dict[int, list[AnyElement]] = {}
    for element in elements:
        name = element.message_id
        routed_by = element.content if name is None else name.encode()
        groups.setdefault(partition_of(routed_by, partitions), []).append(element)
    return groups


def record_of(partition: int, group: Sequence[ElementLike]) -> Record:
    """Make one record of elements that go to the same partition.

    Args:
        partition: Where the record goes.
        group: One element of any kind, or several that are JSON.

    Returns:
        A record whose key is the first message id in it, or None. Its value is a bare
        object, or an array of the elements in their order; the bytes as they came where
        the only element is not JSON.
    """
    ids = (element.message_id for element in group)
    key = next((name.encode() for name in ids if name is not None), None)
    first = group[0]
    # A bare array would be taken apart again, and what is in it taken for callbacks.
    is_bare = len(group) == 1 and (
        not first.is_json or first.content.lstrip()[:1] == b"{"
    )
    if is_bare:
        return Record(partition, key, first.content)
    joined = b",".join([element.content for element in group])
    return Record(partition, key, b"[" + joined + b"]")


def records_of(elements: Sequence[ElementLike], partitions: int) -> list[Record]:
    """Gather elements into one record a partition, each element's bytes unchanged.

    Args:
        elements: Elements of one body or of several, in the order they came.
        partitions: Partitions of the topic.

    Returns:
        One record for each partition that has JSON elements, and one for each element
        that is not JSON.
    """
    records: list[Record] = []
    for partition, group in by_partition(elements, partitions).items():
        joinable = [element for element in group if element.is_json]
        if joinable:
            records.append(record_of(partition, joinable))
        records.extend(
            record_of(partition, [element]) for element in group if not element.is_json
        )
    return records


def admin_client(
    bootstrap_servers: str, timeout_ms: int = _BOOTSTRAP_MS
) -> "KafkaAdminClient":
    """Connect kafka-python's admin client.

    Args:
        bootstrap_servers: host:port[,host:port].
        timeout_ms: How long it tries, milliseconds.

    Raises:
        ConfigurationError: No broker answers.
    """
    from kafka.admin import KafkaAdminClient  # noqa: PLC0415 - slow import, 0.2 s
    from kafka.errors import KafkaError  # noqa: PLC0415

    try:
        # A client that cannot connect leaves its sockets and its thread behind.
        _await_port(bootstrap_servers, timeout_ms / 1000)
        return KafkaAdminClient(
            bootstrap_servers=bootstrap_servers.split(","),
            client_id="undelivered",
            bootstrap_timeout_ms=timeout_ms,
        )
    except (KafkaError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"No Kafka answers at {bootstrap_servers}: start it, or name another with "
            f"--bootstrap-servers."
        ) from error


def _await_port(bootstrap_servers: str, seconds: float) -> None:
    """Wait until somebody listens at one of the addresses, host:port[,host:port].

    Raises:
        OSError, ValueError: Nobody does, or it is no address.
    """
    deadline = time.monotonic() + seconds
    addresses = [server.rpartition(":") for server in bootstrap_servers.split(",")]
    while True:
        for host, _, port in addresses:
            try:
                socket.create_connection((host.strip("[]"), int(port)), 1).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise
            else:
                return
        time.sleep(_LOOK_SECONDS)


def unreachable(bootstrap_servers: str, timeout_ms: int = _BOOTSTRAP_MS) -> str | None:
    """Return why Kafka cannot be used, or None when a broker answers.

    Args:
        bootstrap_servers: host:port[,host:port].
        timeout_ms: How long it tries, milliseconds.
    """
    from kafka.errors import KafkaError  # noqa: PLC0415

    try:
        admin = admin_client(bootstrap_servers, timeout_ms)
    except ConfigurationError:
        return "does not answer yet"
    try:
        admin.list_topics()
    except KafkaError as error:
        return f"answers with {type(error).__name__}"
    finally:
        admin.close()
    return None


def ensure_topics(bootstrap_servers: str, partitions: int) -> Log:
    """Make the topics where they are missing, check them where they exist.

    Args:
        bootstrap_servers: host:port[,host:port].
        partitions: Partitions of a topic that has to be made.

    Returns:
        The log of topic callbacks.

    Raises:
        ConfigurationError: Kafka cannot be reached, or an existing topic has settings
            under which records would be lost or counted wrong.
    """
    admin = admin_client(bootstrap_servers)
    try:
        existing = set(admin.list_topics())
        count = partitions
        for spec in TOPICS:
            if spec.name not in existing:
                _make(admin, spec, count)
            admin.wait_for_topics([spec.name])
            # The counts of a partition go to the partition of the same number.
            count = max(count, _log(admin, spec.name).partitions)
        return _checked(admin, partitions)
    finally:
        admin.close()


def check_topics(bootstrap_servers: str, partitions: int) -> Log:
    """Check the topics without making any.

    Args:
        bootstrap_servers: host:port[,host:port].
        partitions: Partitions that a topic has to have at least.

    Returns:
        The log of topic callbacks.

    Raises:
        ConfigurationError: Kafka cannot be reached, a topic is missing, or has settings
            under which records would be lost or counted wrong.
    """
    admin = admin_client(bootstrap_servers)
    try:
        return _checked(admin, partitions)
    finally:
        admin.close()


def _make(admin: "KafkaAdminClient", spec: TopicSpec, partitions: int) -> None:
    from kafka.admin import NewTopic  # noqa: PLC0415
    from kafka.errors import TopicAlreadyExistsError  # noqa: PLC0415

    brokers = len(admin.describe_cluster()["brokers"])
    replication = _SAFE_BROKERS if brokers >= _SAFE_BROKERS else 1
    new = NewTopic(
        name=spec.name,
        num_partitions=partitions,
        replication_factor=replication,
        topic_configs=spec.config(replication),
    )
    # Another process may have made it a moment ago: it is checked like any other.
    with suppress(TopicAlreadyExistsError):
        admin.create_topics([new])


def current_log(bootstrap_servers: str) -> Log:
    """Return the log of topic callbacks as Kafka has it now.

    Raises:
        ConfigurationError: Kafka cannot be reached, or the topic does not exist.
    """
    admin = admin_client(bootstrap_servers)
    try:
        return _log(admin, CALLBACKS)
    finally:
        admin.close()


def end_offsets(bootstrap_servers: str) -> dict[int, int]:
    """Return, by partition of topic callbacks, the offset after its last record.

    Raises:
        ConfigurationError: Kafka cannot be reached, or the topic does not exist.
    """
    return {number: end for number, (_, end) in offsets(bootstrap_servers).items()}


def begin_offsets(bootstrap_servers: str) -> dict[int, int]:
    """Return, by partition of topic callbacks, the first offset that Kafka still has.

    Raises:
        ConfigurationError: Kafka cannot be reached, or the topic does not exist.
    """
    return {number: begin for number, (begin, _) in offsets(bootstrap_servers).items()}


def offsets(bootstrap_servers: str) -> dict[int, tuple[int, int]]:
    """Return, by partition of topic callbacks, its first and its next offset.

    Raises:
        ConfigurationError: Kafka cannot be reached, or the topic does not exist.
    """
    from kafka import TopicPartition  # noqa: PLC0415
    from kafka.admin import OffsetSpec  # noqa: PLC0415

    admin = admin_client(bootstrap_servers)
    try:
        count = _log(admin, CALLBACKS).partitions
        places = [TopicPartition(CALLBACKS, number) for number in range(count)]
        # Asked in this order, a first offset is never behind the next one.
        begins, ends = (
            admin.list_partition_offsets(dict.fromkeys(places, which))
            for which in (OffsetSpec.EARLIEST, OffsetSpec.LATEST)
        )
    finally:
        admin.close()
    return {p.partition: (int(begins[p].offset), int(ends[p].offset)) for p in places}


@dataclass(frozen=True, slots=True)
class Tail:
    """The newest records of a partition.

    Attributes:
        begin: Offset to begin at.
        end: Offset after the last record.
        newest_ms: Broker's time of the newest record, milliseconds; None without one.
    """

    begin: int
    end: int
    newest_ms: int | None


def tails(bootstrap_servers: str, topic: str, back_ms: int) -> dict[int, Tail]:
    """Find, by partition, the records of a time before its newest one.

    Args:
        bootstrap_servers: host:port[,host:port].
        topic: The topic.
        back_ms: How long before its newest record a partition's tail begins,
            milliseconds.

    Raises:
        ConfigurationError: Kafka cannot be reached, or the topic does not exist.
    """
    from kafka import TopicPartition  # noqa: PLC0415
    from kafka.admin import OffsetSpec  # noqa: PLC0415

    admin = admin_client(bootstrap_servers)
    try:
        count = _log(admin, topic).partitions
        places = [TopicPartition(topic, number) for number in range(count)]
        newest = admin.list_partition_offsets(
            dict.fromkeys(places, OffsetSpec.MAX_TIMESTAMP)
        )
        # Asked last: what is written meanwhile is in the tail.
        ends = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
        times = {p: found.timestamp for p, found in newest.items() if found.offset >= 0}
        begins = (
            admin.list_partition_offsets(
                {p: max(newest_ms - back_ms, 0) for p, newest_ms in times.items()}
            )
            if times
            else {}
        )
    finally:
        admin.close()
    return {
        place.partition: Tail(
            begins[place].offset if place in begins else ends[place].offset,
            ends[place].offset,
            times.get(place),
        )
        for place in places
    }


def _log(admin: "KafkaAdminClient", name: str) -> Log:
    described: Mapping[str, Any] = admin.describe_topics([name])[0]
    if described.get("error_code"):
        raise ConfigurationError(
            f"Topic {name} does not exist: start a worker or the receiver once, it "
            f"makes the topics."
        )
    return Log(str(described["topic_id"]), len(described["partitions"]))


def _checked(admin: "KafkaAdminClient", wanted_partitions: int) -> Log:
    log = _log(admin, CALLBACKS)
    if log.partitions < wanted_partitions:
        raise ConfigurationError(
            f"Topic {CALLBACKS} has {log.partitions} partitions, {wanted_partitions} "
            f"are asked for: add partitions, or set --partitions {log.partitions}."
        )
    counts = _log(admin, WINDOW_COUNTS)
    if counts.partitions < log.partitions:
        raise ConfigurationError(
            f"Topic {WINDOW_COUNTS} has {counts.partitions} partitions, fewer than the "
            f"{log.partitions} of {CALLBACKS}: add partitions to it."
        )
    for spec in TOPICS:
        _check_config(spec.name, _config(admin, spec.name))
    return log


def _config(admin: "KafkaAdminClient", name: str) -> dict[str, str]:
    from kafka.admin import ConfigResource, ConfigResourceType  # noqa: PLC0415

    resource = ConfigResource(ConfigResourceType.TOPIC, name)
    answer = admin.describe_configs([resource], config_filter="all")
    return {key: str(entry["value"]) for key, entry in answer["topic"][name].items()}


def _check_config(name: str, config: Mapping[str, str]) -> None:
    if config["message.timestamp.type"] != "LogAppendTime":
        raise ConfigurationError(
            f"Topic {name} has message.timestamp.type="
            f"{config['message.timestamp.type']}: set it to LogAppendTime, received_at "
            f"is the broker's time."
        )
    if int(config["max.message.bytes"]) < MAX_MESSAGE_BYTES:
        raise ConfigurationError(
            f"Topic {name} has max.message.bytes={config['max.message.bytes']}: set "
            f"it to at least {MAX_MESSAGE_BYTES}, large bodies would be refused."
        )
    if "compact" in config["cleanup.policy"]:
        raise ConfigurationError(
            f"Topic {name} has cleanup.policy={config['cleanup.policy']}: set it to "
            f"delete, compaction throws records away."
        )
