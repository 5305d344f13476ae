"""Repaired callbacks into Kafka: one record each, linked to its dead letter."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streams.intake.mending import Mended
from streams.topics import (
    CALLBACKS,
    MAX_MESSAGE_BYTES,
    ORIGIN_HEADER,
    SOURCE_HEADER,
    records_of,
)

if TYPE_CHECKING:
    from kafka import KafkaProducer

SOURCE = b"resend"
ACKNOWLEDGE_SECONDS = 30.0
_MOST_IN_FLIGHT = 1_000


class NotAcknowledgedError(Exception):
    """Kafka has not acknowledged; the message says what to do."""


@dataclass(slots=True)
class Sender:
    """Sends with a bounded number of records in flight."""

    _kafka: "KafkaProducer"
    _in_flight: list[Any] = field(default_factory=list)

    def send(self, mended: Mended, partitions: int) -> None:
        """Send one record a callback, each with the origin of its dead letter."""
        headers = [(SOURCE_HEADER, SOURCE), (ORIGIN_HEADER, mended.place.encode())]
        for element in mended.elements:
            for record in records_of([element], partitions):
                sent = self._kafka.send(
                    CALLBACKS,
                    record.value,
                    key=record.key,
                    partition=record.partition,
                    headers=headers,
                )
                self._in_flight.append(sent)
        if len(self._in_flight) >= _MOST_IN_FLIGHT:
            self.wait()

    def wait(self) -> None:
        """Wait until Kafka has acknowledged everything sent."""
        for sent in self._in_flight:
            sent.get(timeout=ACKNOWLEDGE_SECONDS)
        self._in_flight = []


@contextmanager
def sending(bootstrap_servers: str) -> Iterator[Sender]:
    """Connect; at the end wait until Kafka has acknowledged everything sent.

    Raises:
        NotAcknowledgedError: It has not, in time.
    """
    from kafka import KafkaProducer  # noqa: PLC0415 - slow import
    from kafka.errors import KafkaError  # noqa: PLC0415

    try:
        producer = KafkaProducer(
            bootstrap_servers=bootstrap_servers.split(","),
            client_id="undelivered-resend",
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_MESSAGE_BYTES,
            request_timeout_ms=int(ACKNOWLEDGE_SECONDS * 500),
            delivery_timeout_ms=int(ACKNOWLEDGE_SECONDS * 1000),
            max_block_ms=int(ACKNOWLEDGE_SECONDS * 1000),
        )
        try:
            sender = Sender(producer)
            yield sender
            sender.wait()
        finally:
            producer.close(timeout=1)
    except KafkaError as error:
        raise NotAcknowledgedError(
            f"Kafka at {bootstrap_servers} has not acknowledged everything "
            f"({type(error).__name__}): resend again, what is in Kafka already is "
            f"noticed and not sent twice."
        ) from error
