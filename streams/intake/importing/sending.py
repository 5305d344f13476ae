"""Records into Kafka from a thread of their own, so many at a time as it takes."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Self

import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.archive.known import IMPORT
from streams.intake.importing.gathering import Outgoing
from streams.settings import ConfigurationError
from streams.topics import CALLBACKS, MAX_MESSAGE_BYTES, ORIGIN_HEADER, SOURCE_HEADER

# Bytes that are sent or wait to be, until Kafka has acknowledged them.
MOST_UNACKNOWLEDGED_BYTES = 16 << 20
# So long without one acknowledgement, and the import gives up.
PATIENCE_SECONDS = 60.0

_QUIET_SECONDS = 5.0
_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 2.0
# Well below the topic's max.message.bytes, which holds for a batch.
_BATCH_BYTES = 512 << 10


class Sender:
    """A producer on a thread; used from one other thread."""

    def __init__(self, bootstrap_servers: str, say: Callable[[str], None]) -> None:
        """Prepare; nothing is connected yet.

        Args:
            bootstrap_servers: host:port[,host:port].
            say: Tells a person that Kafka is waited for.
        """
        self.acknowledged = 0
        self._say = say
        self._bootstrap_servers = bootstrap_servers
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._producer: AIOKafkaProducer | None = None
        self._lanes: dict[int, deque[Outgoing]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = threading.Condition()
        self._open_bytes = 0
        self._error: Exception | None = None

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            ConfigurationError: No broker answers.
        """
        # Its warnings, hundreds while Kafka is away, repeat what we say.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._connect(), self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, whether or not everything is acknowledged."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def put(self, outgoing: Outgoing) -> None:
        """Send a record; wait while too much is not acknowledged yet.

        Raises:
            ConfigurationError: Kafka does not acknowledge.
        """
        self._wait_until(lambda: self._open_bytes < MOST_UNACKNOWLEDGED_BYTES)
        with self._changed:
            self._open_bytes += len(outgoing.record.value)
        self._loop.call_soon_threadsafe(self._enqueue, outgoing)

    def finish(self) -> None:
        """Return when Kafka has acknowledged everything.

        Raises:
            ConfigurationError: Kafka does not acknowledge.
        """
        self._wait_until(lambda: self._open_bytes == 0)

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        with self._changed:
            while self._error is None and not is_so():
                self._wait_for_change()
        if self._error is not None:
            raise ConfigurationError(
                f"Kafka at {self._bootstrap_servers} does not acknowledge what is "
                f"imported ({self._error!r}): see that it runs, and import again; what "
                f"is archived by then is left out."
            ) from self._error

    def _wait_for_change(self) -> None:
        if self._changed.wait(_QUIET_SECONDS):
            return
        self._say(f"Kafka has acknowledged nothing for {_QUIET_SECONDS:g} s; waiting.")
        if not self._changed.wait(PATIENCE_SECONDS - _QUIET_SECONDS):
            self._error = TimeoutError(f"nothing for {PATIENCE_SECONDS:g} s")

    # ------------------------------------------------------------ on the thread

    async def _connect(self) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers.split(","),
            client_id="undelivered-import",
            # Not compressed: it costs as much here as the broker saves, and many
            # clients cannot read what is quick, such as zstd.
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_MESSAGE_BYTES,
            max_batch_size=_BATCH_BYTES,
        )
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await _stop(producer)
            raise ConfigurationError(
                f"No Kafka answers at {self._bootstrap_servers}: start it, or name "
                f"another with --bootstrap-servers."
            ) from error
        self._producer = producer

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._producer is not None:
            await _stop(self._producer)

    def _enqueue(self, outgoing: Outgoing) -> None:
        lane = self._lanes.setdefault(outgoing.record.partition, deque())
        lane.append(outgoing)
        if len(lane) == 1:  # aiokafka makes a sender wait for room in its partition
            task = self._loop.create_task(self._send_waiting(lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send_waiting(self, lane: deque[Outgoing]) -> None:
        while lane:
            try:
                await self._send(lane[0])
            except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it
                self._fail(error)
                return
            lane.popleft()

    async def _send(self, outgoing: Outgoing) -> None:
        assert self._producer is not None  # noqa: S101 - connected before anything
        record = outgoing.record
        headers = [(SOURCE_HEADER, IMPORT.encode())]
        if outgoing.origin is not None:
            headers.append((ORIGIN_HEADER, outgoing.origin.encode()))
        sent = await self._producer.send(
            CALLBACKS,
            record.value,
            key=record.key,
            partition=record.partition,
            headers=headers,
        )
        sent.add_done_callback(
            partial(self._acknowledge, outgoing.elements, len(record.value))
        )

    def _acknowledge(
        self, elements: int, size: int, sent: "asyncio.Future[Any]"
    ) -> None:
        error = sent.exception()
        if error is not None:
            self._fail(error)
            return
        with self._changed:
            self.acknowledged += elements
            self._open_bytes -= size
            self._changed.notify()

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._error = self._error or RuntimeError(repr(error))
            self._changed.notify()


async def _stop(producer: AIOKafkaProducer) -> None:
    """Close within a bounded time, with or without what is in flight."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await producer.stop()
    except TimeoutError:
        # An idempotent producer never gives up what is in flight.
        await producer.client.close()
    except KafkaError:
        pass
