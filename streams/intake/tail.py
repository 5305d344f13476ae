"""The topic's tail that the archive does not hold yet: what was resent already."""

import time
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from streams.settings import ConfigurationError
from streams.topics import CALLBACKS, MAX_MESSAGE_BYTES, ORIGIN_HEADER

if TYPE_CHECKING:
    from kafka import KafkaConsumer, TopicPartition

SILENCE_SECONDS = 15.0
_POLL_MS = 500
_MOST_RECORDS = 5_000


def unarchived_origins(
    bootstrap_servers: str, positions: Mapping[int, int]
) -> set[str]:
    """Return the origins of the records that the archive does not hold yet.

    Args:
        bootstrap_servers: host:port[,host:port].
        positions: By partition of topic callbacks, the offset from which on records
            may not be archived.

    Raises:
        ConfigurationError: Kafka stops answering.
    """
    from kafka import KafkaConsumer, TopicPartition  # noqa: PLC0415 - slow import
    from kafka.errors import KafkaError  # noqa: PLC0415

    partitions = {TopicPartition(CALLBACKS, n): at for n, at in positions.items()}
    try:
        with closing(
            KafkaConsumer(
                bootstrap_servers=bootstrap_servers.split(","),
                client_id="undelivered-resend",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_partition_fetch_bytes=2 * MAX_MESSAGE_BYTES,
            )
        ) as consumer:
            return _origins(consumer, partitions)
    except KafkaError as error:
        raise ConfigurationError(
            f"Kafka at {bootstrap_servers} fails while records are read that are not "
            f"archived yet ({type(error).__name__}): start it, then resend again."
        ) from error


def _origins(
    consumer: "KafkaConsumer", positions: "Mapping[TopicPartition, int]"
) -> set[str]:
    ends = consumer.end_offsets(list(positions))
    begins = consumer.beginning_offsets(list(positions))
    starts = {tp: max(at, begins[tp]) for tp, at in positions.items()}
    left = {tp for tp, start in starts.items() if start < ends[tp]}
    consumer.assign(list(left))
    for tp in left:
        consumer.seek(tp, starts[tp])
    found: set[str] = set()
    heard_at = time.monotonic()
    while left:
        batches = consumer.poll(_POLL_MS, max_records=_MOST_RECORDS)
        for records in batches.values():
            found.update(origin for r in records if (origin := _origin(r)) is not None)
        if batches:
            heard_at = time.monotonic()
        elif time.monotonic() - heard_at > SILENCE_SECONDS:
            raise ConfigurationError(
                f"Kafka gives no records although it has some that are not archived "
                f"yet, for {SILENCE_SECONDS:g} s: ask `undelivered doctor` why."
            )
        left = {tp for tp in left if consumer.position(tp) < ends[tp]}
    return found


def _origin(record: Any) -> str | None:  # noqa: ANN401 - kafka-python has no types
    value = dict(record.headers).get(ORIGIN_HEADER)
    return None if value is None else value.decode("utf-8", "backslashreplace")
