"""Callbacks into Kafka: gathered while a send is in flight, done when acknowledged."""

import asyncio
import logging
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.intake.lane import Lane, Part, Ticket, gathered
from streams.settings import ConfigurationError
from streams.topics import (
    CALLBACKS,
    MAX_MESSAGE_BYTES,
    SOURCE_HEADER,
    ElementLike,
    Record,
    by_partition,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

logger = logging.getLogger(__name__)

# After this long without an acknowledgement Kafka is asked whether it is there.
QUIET_SECONDS = 2.0
CHECK_SECONDS = 1.0
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 1.5
# More of them would keep other requests waiting while they are sorted.
FEW_ELEMENTS = 1_000


class KafkaUnavailableError(Exception):
    """Kafka has not acknowledged; the message says why."""


class CallbackProducer:
    """Writes bodies to the topic callbacks, one record a partition at a time."""

    def __init__(
        self,
        bootstrap_servers: str,
        partitions: int,
        timeout_seconds: float,
        source: str = "http",
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            bootstrap_servers: host:port[,host:port].
            partitions: Partitions of the topic.
            timeout_seconds: Wait for an acknowledgement.
            source: Value of the header ``source``.
        """
        self._bootstrap_servers = bootstrap_servers
        self._timeout_seconds = timeout_seconds
        self._headers = [(SOURCE_HEADER, source.encode())]
        self._lanes = [Lane(partition) for partition in range(partitions)]
        self._kafka: AIOKafkaProducer | None = None
        self._connected = asyncio.Event()
        self._is_reachable = True
        self._heard_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect.

        Raises:
            ConfigurationError: No broker answers.
        """
        try:
            await self._connect()
        except (KafkaError, OSError, TimeoutError) as error:
            raise ConfigurationError(
                f"No Kafka answers at {self._bootstrap_servers}: start it, or name "
                f"another with --bootstrap-servers."
            ) from error
        self._run(self._watch())

    async def put(self, body: bytes, elements: "Sequence[ElementLike]") -> None:
        """Send all elements of a body; return when Kafka has acknowledged them all.

        Args:
            body: The body as it came.
            elements: Its elements in their order; at least one.

        Raises:
            KafkaUnavailableError: It has not, in time; some may be in the topic.
        """
        groups = await self._sorted(elements)
        ticket = Ticket(len(groups))
        for partition in groups:
            self._refuse_if_away(self._lanes[partition])
        whole = body if len(groups) == 1 else None
        for partition, group in groups.items():
            self._enqueue(self._lanes[partition], Part(group, whole, ticket))
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await ticket.done
        except TimeoutError as error:
            for partition in groups:
                self._lanes[partition].forget_answered()
            raise KafkaUnavailableError(
                f"Kafka has not acknowledged within {self._timeout_seconds:g} s"
            ) from error

    async def _sorted(
        self, elements: "Sequence[ElementLike]"
    ) -> dict[int, list[ElementLike]]:
        if len(elements) <= FEW_ELEMENTS:
            return by_partition(elements, len(self._lanes))
        return await asyncio.to_thread(by_partition, elements, len(self._lanes))

    def problem(self) -> str | None:
        """Return why nothing can be written now, or None."""
        if not self._connected.is_set():
            return "not connected to Kafka"
        if not self._is_reachable:
            return "Kafka does not answer"
        for lane in self._lanes:
            if self._is_overdue(lane):
                return f"Kafka does not acknowledge partition {lane.partition}"
        return None

    async def stop(self) -> None:
        """Give what is in flight a last moment, then close."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        sending = [lane.task for lane in self._lanes if lane.task is not None]
        if sending:
            await asyncio.wait(sending, timeout=CLOSE_SECONDS)
        if self._kafka is not None:
            await _close(self._kafka)

    def _enqueue(self, lane: Lane, part: Part) -> None:
        lane.waiting.append(part)
        if lane.task is None:
            lane.task = asyncio.create_task(self._send_waiting(lane))

    async def _send_waiting(self, lane: Lane) -> None:
        """Send what waits for a partition, one record in flight at a time."""
        try:
            while parts := lane.next_parts():
                lane.sent_at = asyncio.get_running_loop().time()
                await self._send_parts(gathered(lane.partition, parts), parts)
        finally:
            lane.sent_at = None
            lane.task = None

    async def _send_parts(self, record: Record, parts: "Sequence[Part]") -> None:
        try:
            await self._send(record)
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it
            for part in parts:
                part.ticket.fail(KafkaUnavailableError(f"Kafka failed: {error!r}"))
        else:
            self._hear()
            for part in parts:
                part.ticket.acknowledge()

    async def _send(self, record: Record) -> None:
        await self._connected.wait()
        kafka = self._kafka
        assert kafka is not None  # noqa: S101 - set before the event is
        try:
            sent = await kafka.send(
                CALLBACKS,
                record.value,
                key=record.key,
                partition=record.partition,
                headers=self._headers,
            )
            await sent
        except Exception as error:
            logger.warning("Kafka failed, connecting anew: %r", error)
            # aiokafka numbers an idempotent producer's records and never makes up for a
            # number that was lost: every later record would be refused.
            self._replace(kafka)
            raise

    def _replace(self, kafka: AIOKafkaProducer) -> None:
        if self._kafka is kafka and self._connected.is_set():
            self._connected.clear()
            self._run(self._reconnect(kafka))

    async def _reconnect(self, old: AIOKafkaProducer) -> None:
        await _close(old)
        while not self._connected.is_set():
            try:
                await self._connect()
            except (KafkaError, OSError, TimeoutError) as error:
                logger.warning("Kafka cannot be reached: %s", error)
                await asyncio.sleep(CHECK_SECONDS)

    async def _connect(self) -> None:
        kafka = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers.split(","),
            client_id="undelivered-receiver",
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_MESSAGE_BYTES,
            linger_ms=0,
            request_timeout_ms=int(self._timeout_seconds * 1000),
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await kafka.start()
                await kafka.partitions_for(CALLBACKS)
        except BaseException:
            await _close(kafka)
            raise
        self._kafka = kafka
        self._hear()
        self._connected.set()

    async def _watch(self) -> None:
        """Ask Kafka whether it is there, while nothing else tells."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            now = asyncio.get_running_loop().time()
            if now - self._heard_at > QUIET_SECONDS and self._connected.is_set():
                await self._check()

    async def _check(self) -> None:
        assert self._kafka is not None  # noqa: S101 - set before the event is
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                is_reachable = await self._kafka.client.force_metadata_update()
        except (KafkaError, TimeoutError):
            is_reachable = False
        if is_reachable:
            self._hear()
        elif self._is_reachable:
            self._is_reachable = False
            logger.warning("Kafka does not answer; callbacks are answered 503")

    def _hear(self) -> None:
        if not self._is_reachable:
            logger.warning("Kafka answers again")
        self._is_reachable = True
        self._heard_at = asyncio.get_running_loop().time()

    def _refuse_if_away(self, lane: Lane) -> None:
        if not self._is_reachable:
            raise KafkaUnavailableError("Kafka does not answer")
        if self._is_overdue(lane):
            raise KafkaUnavailableError(
                f"Kafka does not acknowledge partition {lane.partition}"
            )

    def _is_overdue(self, lane: Lane) -> bool:
        if lane.sent_at is None:
            return False
        now = asyncio.get_running_loop().time()
        return now - lane.sent_at > self._timeout_seconds

    def _run(self, work: "Coroutine[None, None, None]") -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _close(kafka: AIOKafkaProducer) -> None:
    """Close within a bounded time, with or without what is in flight."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await kafka.stop()
    except TimeoutError:
        # An idempotent producer never gives up what is in flight.
        await kafka.client.close()
    except KafkaError:
        pass
