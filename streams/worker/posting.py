"""Messages into topic window-counts, each acknowledged or failed within seconds."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from streams.topics import CALLBACKS, MAX_MESSAGE_BYTES, WINDOW_COUNTS

SEND_SECONDS = 5.0
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 1.5
# aiokafka keeps this much of a partition until the broker has taken it.
_BATCH_BYTES = 1 << 20
# The partitions' messages of one look then share a request.
_LINGER_MS = 10
_ANSWER_MS = int(SEND_SECONDS * 1000)
_CLIENT_ID = "undelivered-worker"
_LOG_APPEND_TIME = 1


class CannotPostError(Exception):
    """Kafka has not acknowledged; the message says why."""


class Poster:
    """A producer of its own, and a connection that asks where the log ends.

    Faust's producer waits for a broker without an end, and keeps what it could not
    send. Here what is not acknowledged in time is given up, for it is told again by the
    next complete message. No idempotence for the same reason: aiokafka then never gives
    up, and a copy does no harm. Asked through Faust's consumer, the log's end would
    come after the fetch that waits there, half a second later.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        """Connect to nothing yet.

        Args:
            bootstrap_servers: host:port[,host:port].
        """
        self._bootstrap_servers = bootstrap_servers
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def connect(self) -> None:
        """Connect, unless that was done.

        Raises:
            CannotPostError: No broker answers.
        """
        if self._producer is not None:
            return
        servers = self._bootstrap_servers.split(",")
        producer = AIOKafkaProducer(
            bootstrap_servers=servers,
            client_id=_CLIENT_ID,
            acks="all",
            linger_ms=_LINGER_MS,
            max_batch_size=_BATCH_BYTES,
            max_request_size=MAX_MESSAGE_BYTES,
            request_timeout_ms=_ANSWER_MS,
        )
        consumer = AIOKafkaConsumer(
            bootstrap_servers=servers,
            client_id=_CLIENT_ID,
            group_id=None,
            request_timeout_ms=_ANSWER_MS,
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await producer.start()
                await producer.partitions_for(WINDOW_COUNTS)
                await consumer.start()
        except BaseException as error:
            await _close(producer)
            await _close(consumer)
            if isinstance(error, KafkaError | OSError | TimeoutError):
                raise CannotPostError(f"no Kafka answers: {error!r}") from error
            raise
        self._producer, self._consumer = producer, consumer

    async def post(self, partition: int, values: Iterable[bytes]) -> int | None:
        """Write records to a partition, in their order, and wait until Kafka has them.

        Args:
            partition: Where they go.
            values: The records' values; at least one.

        Returns:
            The last record's timestamp, milliseconds since 1970; None where the topic
            has not the broker's time.

        Raises:
            CannotPostError: Kafka has not acknowledged all of them in time.
        """
        if self._producer is None:
            raise CannotPostError("not connected to Kafka")
        try:
            async with asyncio.timeout(SEND_SECONDS * 2):
                sent = [
                    await self._producer.send(WINDOW_COUNTS, value, partition=partition)
                    for value in values
                ]
                done = await asyncio.gather(*sent)
        except (KafkaError, OSError, TimeoutError) as error:
            raise CannotPostError(f"Kafka has not acknowledged: {error!r}") from error
        last = done[-1]
        is_brokers = last.timestamp_type == _LOG_APPEND_TIME
        return int(last.timestamp) if is_brokers else None

    async def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """Return the offset after the last record of partitions of topic callbacks.

        Raises:
            CannotPostError: Kafka does not answer in time.
        """
        if self._consumer is None:
            raise CannotPostError("not connected to Kafka")
        places = [TopicPartition(CALLBACKS, number) for number in partitions]
        try:
            async with asyncio.timeout(SEND_SECONDS):
                ends = await self._consumer.end_offsets(places)
        except (KafkaError, OSError, TimeoutError) as error:
            raise CannotPostError(f"Kafka does not answer: {error!r}") from error
        return {place.partition: end for place, end in ends.items()}

    async def close(self) -> None:
        """Close within a bounded time."""
        for client in (self._producer, self._consumer):
            if client is not None:
                await _close(client)
        self._producer = self._consumer = None


async def _close(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.stop()
    except TimeoutError:
        # A producer waits for what is in flight.
        with suppress(AttributeError, KafkaError):
            await client.client.close()
    except KafkaError:
        pass
