"""Single records of topic callbacks, read beside the worker's own consumer."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from streams.settings import ConfigurationError
from streams.topics import CALLBACKS

if TYPE_CHECKING:
    from kafka import KafkaConsumer

ANSWER_SECONDS = 15.0
_POLL_MS = 500
# Kafka gives at least one whole batch, however large it is.
_FETCH_BYTES = 64 * 1024


class Records(Protocol):
    """Reads single records; blocks."""

    def at(self, places: Mapping[int, int]) -> dict[int, Any]:
        """Return the first record at or behind an offset of each partition.

        Args:
            places: Offset by partition.

        Returns:
            Records of committed transactions, by partition; absent where the log has
            none from there on.
        """


@contextmanager
def reading(bootstrap_servers: str) -> Iterator[Records]:
    """Connect to read single records.

    Args:
        bootstrap_servers: host:port[,host:port].

    Raises:
        ConfigurationError: Kafka does not answer, or stops answering.
    """
    from kafka import KafkaConsumer  # noqa: PLC0415 - slow import
    from kafka.errors import KafkaError  # noqa: PLC0415

    try:
        with closing(
            KafkaConsumer(
                bootstrap_servers=bootstrap_servers.split(","),
                client_id="undelivered-compare",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                max_partition_fetch_bytes=_FETCH_BYTES,
            )
        ) as consumer:
            yield _Records(consumer)
    except KafkaError as error:
        raise ConfigurationError(
            f"Kafka at {bootstrap_servers} fails while its records are compared with "
            f"the archive ({type(error).__name__}): start it."
        ) from error


class _Records:
    """Reads with a consumer of no group."""

    def __init__(self, consumer: "KafkaConsumer") -> None:
        self._consumer = consumer

    def at(self, places: Mapping[int, int]) -> dict[int, Any]:
        from kafka import TopicPartition  # noqa: PLC0415

        wanted = {TopicPartition(CALLBACKS, p): at for p, at in places.items()}
        ends = self._consumer.end_offsets(list(wanted))
        left = {tp for tp, at in wanted.items() if at < ends[tp]}
        self._consumer.assign(list(left))
        for tp in left:
            self._consumer.seek(tp, wanted[tp])
            self._consumer.resume(tp)
        found: dict[int, Any] = {}
        heard_at = time.monotonic()
        while left:
            for tp, records in self._consumer.poll(_POLL_MS).items():
                found.setdefault(tp.partition, records[0])
                self._consumer.pause(tp)
                heard_at = time.monotonic()
            if time.monotonic() - heard_at > ANSWER_SECONDS:
                raise ConfigurationError(
                    f"Kafka gives no record although it has some, for "
                    f"{ANSWER_SECONDS:g} s: ask `undelivered doctor` why."
                )
            left = {
                tp
                for tp in left
                if tp.partition not in found and self._consumer.position(tp) < ends[tp]
            }
        return found
