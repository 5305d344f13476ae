"""Faust's aiokafka transport, changed so that one message is one fetch.

Relied on, each checked by a test against the pinned versions:

* Faust calls ``Consumer.perform_seek`` once after each assignment, before it lets
  records flow (``faust.tables.recovery.Recovery._resume_streams``).
* Faust calls ``Consumer.on_partitions_assigned`` and then, from a task of its own,
  ``perform_seek``; ``RebalanceAgain`` out of it leaves the flow to the next assignment.
  ``App.rebalancing_count`` is higher as soon as another rebalance begins.
* Faust calls ``Consumer.on_partitions_revoked`` before partitions are given away.
* ``Consumer._drain_messages`` takes messages from ``getmany`` and drops those below
  ``_read_offset`` of their partition: it is cleared before each message.
* aiokafka's group coordinator tells by ``check_errors`` that its task has ended.
* ``AIOKafkaConsumerThread._fetch_records`` runs on the consumer's thread; what is read
  from aiokafka's fetcher is in ``streams.worker.fetching``.
* ``AIOKafkaConsumerThread._create_worker_consumer`` makes aiokafka's consumer, which
  takes its isolation level, and how long a fetch waits, when it starts.
* ``TableManager.on_start`` only waits a second, and then registers tables and starts
  the recovery that lets records flow.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import replace
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aiokafka.consumer.group_coordinator import OffsetAndMetadata
from aiokafka.errors import ConsumerStoppedError
from aiokafka.structs import TopicPartition
from faust.exceptions import ConsumerNotStarted
from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams import topics
from streams.core.pace import Gathering
from streams.worker.chunk import Chunk, Fetch
from streams.worker.fetching import Connections, fetched_chunks
from streams.worker.receiving import receive_quickly

ANSWER_SECONDS = 10.0
# Kafka's own default.
FETCH_WAIT_MS = 500

if TYPE_CHECKING:
    from streams.worker.holding import Holding

T = TypeVar("T")


class ChunkConsumerThread(driver.AIOKafkaConsumerThread):
    """Hands out whole fetched batches."""

    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401 - Faust's signature
        """Read no record of a transaction that was aborted, or is open still.

        Faust reads them unless its own exactly-once mode is on. And it lets a fetch
        wait for 1.5 s: where a partition is taken over, the first fetch of it waits
        behind the last one of before.
        """
        consumer = super()._create_worker_consumer(transport)
        # It takes both when it starts.
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        receive_quickly(consumer)
        return consumer

    async def _fetch_records(
        self,
        consumer: Any,  # noqa: ANN401 - Faust's signature
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109
        max_records: int | None = None,
    ) -> Any:  # noqa: ANN401
        """Return one chunk of each partition that something was fetched of."""
        await asyncio.sleep(self._gathering.wait(monotonic()))
        fetcher = consumer._fetcher  # noqa: SLF001
        if consumer._closed or fetcher._closed:  # noqa: SLF001
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():  # noqa: SLF001
            chunks = await fetched_chunks(
                fetcher,
                active_partitions,
                timeout or 0.0,
                max_records,
                lambda: self.consumer.flow_active,
            )
        self._gathering.note(sum(len(c.records) for c in chunks.values()), monotonic())
        return {
            tp: [replace(chunk, is_resumed=self._connections.is_resumed(fetcher, tp))]
            for tp, chunk in chunks.items()
        }

    @cached_property
    def _connections(self) -> Connections:
        return Connections()

    @cached_property
    def _gathering(self) -> Gathering:
        return Gathering()


class ChunkConsumer(driver.Consumer):
    """A consumer that starts where the tables say and messages whole fetches."""

    _rebalance = 0

    @property
    def _holding(self) -> "Holding":
        return cast("Holding", self.app.holding)  # type: ignore[attr-defined]

    def _new_consumer_thread(self) -> ChunkConsumerThread:
        return ChunkConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_assigned(
        self, assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Note which rebalance this is the end of, and let nothing flow before a seek.

        Faust stops the flow only where partitions are taken away; and it throws away
        what has flowed when it resumes it, after the seek.
        """
        self.stop_flow()
        self._rebalance = self.app.rebalancing_count
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Start from the tables' positions, never from Kafka's committed offsets.

        Faust would then let records flow, also where the partitions have been revoked
        meanwhile: after it stopped the flow for that, and before it knows of others.

        Raises:
            RebalanceAgain: Another rebalance has begun; its assignment goes on here.
        """
        await self._holding.assign(self.assigned())
        if self.app.rebalancing_count != self._rebalance:
            raise RebalanceAgain

    def assigned(self) -> set[int]:
        """Return the partitions of topic callbacks that are ours."""
        ours = self.assignment()
        return {tp.partition for tp in ours if tp.topic == topics.CALLBACKS}

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit and let go before another worker takes over."""
        await self._holding.revoke()
        await super().on_partitions_revoked(revoked)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - Faust's signature
        """Yield one message a fetch: it holds the chunks of all partitions."""
        fetched, _ = await self._wait_next_records(timeout)
        if not fetched or self.should_stop or not self.flow_active:
            return
        chunks = [chunk for chunks in fetched.values() for chunk in chunks]
        tp = next(iter(fetched))
        self._read_offset[tp] = None
        yield tp, self._to_message(tp, Fetch(chunks))

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:  # noqa: ANN401 - Faust's signature
        """Make a message under the first chunk's name; Faust only passes it on."""
        first: Chunk = record.chunks[0]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            first.span.end - 1,
            first.records[-1].timestamp / 1000.0 if first.records else 0.0,
            first.records[-1].timestamp_type if first.records else 0,
            [],
            None,
            record,
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    def group_error(self) -> BaseException | None:
        """Return why this worker is no longer in its group, or None while it is.

        aiokafka's coordination ends for good when, for example, a broker that is just
        starting knows no broker yet; Faust does not look at it.
        """
        try:
            self._thread._ensure_consumer()._coordinator.check_errors()  # noqa: SLF001
        except ConsumerNotStarted:
            return None
        except Exception as error:  # noqa: BLE001 - whatever ended it
            return error
        return None

    # ------------------------------------------------- calls on the consumer's thread

    async def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """Return the offset that Kafka gives the next record of each partition.

        The answer waits behind a fetch that waits for records, on the same connection.
        """
        tps = [TopicPartition(topics.CALLBACKS, number) for number in partitions]
        ends = await self._call(lambda consumer: consumer.end_offsets(tps))
        return {tp.partition: ends[tp] for tp in tps}

    async def seek_all(self, positions: dict[int, int]) -> None:
        """Fetch partitions again from these offsets."""

        async def seek(consumer: Any) -> None:  # noqa: ANN401
            for number, offset in positions.items():
                tp = TopicPartition(topics.CALLBACKS, number)
                if tp in consumer.assignment():
                    consumer.seek(tp, offset)

        await self._call(seek)

    async def commit_for_lag_tools(self, positions: dict[int, int]) -> None:
        """Tell Kafka the archived positions; nothing here ever starts from them."""
        offsets = {
            TopicPartition(topics.CALLBACKS, number): OffsetAndMetadata(offset, "")
            for number, offset in positions.items()
        }
        await self._call(lambda consumer: consumer.commit(offsets))

    async def _call(self, call: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
        thread = self._thread
        consumer = thread._ensure_consumer()  # noqa: SLF001 - no public accessor
        future = asyncio.run_coroutine_threadsafe(call(consumer), thread.thread_loop)
        # aiokafka itself waits for minutes for a broker that does not answer.
        async with asyncio.timeout(ANSWER_SECONDS):
            return await asyncio.wrap_future(future)


class NoTables(TableManager):
    """Faust's manager of its own tables: there are none, nothing waits for any."""

    async def on_start(self) -> None:
        """Start what lets records flow, without the second that Faust waits before."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


class ChunkTransport(driver.Transport):
    """Faust's aiokafka transport with chunks."""

    Consumer = ChunkConsumer
