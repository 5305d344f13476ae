"""What aiokafka has fetched, each part with exactly the offsets that it stands for.

aiokafka's own ``Fetcher.fetched_records`` gives records only: not where they continue,
and nothing at all where a fetch brought markers of transactions alone. Where Kafka has
deleted the position, aiokafka goes on at another offset without a word; here the next
part then begins at that offset, and is not taken for the continuation.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from aiokafka.client import ConnectionGroup
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.structs import TopicPartition

from streams.core.positions import Span, spanned
from streams.worker.chunk import Chunk

# One fetch of before may be handed out after the change, in some parts.
_CHUNKS_RESUMED = 3


class Connections:
    """Over which connection each partition is fetched: a broker that died has none."""

    def __init__(self) -> None:
        """Begin with none."""
        self._seen: dict[TopicPartition, object] = {}
        self._left: dict[TopicPartition, int] = {}

    def is_resumed(self, fetcher: Any, tp: TopicPartition) -> bool:  # noqa: ANN401
        """Tell of the next chunk of a partition whether the connection was changed."""
        client = fetcher._client  # noqa: SLF001
        leader = client.cluster.leader_for_partition(tp)
        now = client._conns.get((leader, ConnectionGroup.DEFAULT))  # noqa: SLF001
        before = self._seen.setdefault(tp, now)
        if now is not None and now is not before:
            self._seen[tp], self._left[tp] = now, _CHUNKS_RESUMED
        left = self._left.get(tp, 0)
        self._left[tp] = max(0, left - 1)
        return left > 0


async def fetched_chunks(
    fetcher: Any,  # noqa: ANN401 - aiokafka has no types
    partitions: Collection[TopicPartition],
    seconds: float,
    most_records: int | None,
    is_wanted: Callable[[], bool],
) -> dict[TopicPartition, Chunk]:
    """Return what has been fetched; wait for it when there is nothing yet.

    Args:
        fetcher: aiokafka's.
        partitions: Those wanted; all when empty.
        seconds: How long to wait.
        most_records: How many records all chunks hold at most; None for any number.
        is_wanted: Whether anybody takes it. What is not wanted any more after the wait
            stays where it is: nobody would fetch it again.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        if fetcher._subscriptions.reassignment_in_progress:  # noqa: SLF001
            await fetcher._subscriptions.wait_for_assignment()  # noqa: SLF001
        if not is_wanted():
            return {}
        chunks = _drain(fetcher, partitions, most_records)
        left = deadline - asyncio.get_running_loop().time()
        if chunks or left <= 0:
            return chunks
        waiter = fetcher._create_fetch_waiter()  # noqa: SLF001
        done, _ = await asyncio.wait([waiter], timeout=left)
        if not done or fetcher._closed:  # noqa: SLF001
            waiter.cancel()
            return {}
        waiter.result()  # raises what ended the consumer


def _drain(
    fetcher: Any,  # noqa: ANN401
    partitions: Collection[TopicPartition],
    most_records: int | None,
) -> dict[TopicPartition, Chunk]:
    chunks: dict[TopicPartition, Chunk] = {}
    left = most_records
    for tp, result in list(fetcher._records.items()):  # noqa: SLF001
        if partitions and tp not in partitions:
            if not fetcher._subscriptions.is_assigned(tp):  # noqa: SLF001
                del fetcher._records[tp]  # noqa: SLF001
        elif isinstance(result, FetchResult):
            chunk = _taken(fetcher, tp, result, left)
            if chunk is not None:
                chunks[tp] = chunk
                left = None if left is None else left - len(chunk.records)
            if left == 0:
                break
        elif chunks:
            break  # an error: it is raised by the next call
        else:
            _forget(fetcher, tp)
            result.check_raise()
    return chunks


def _taken(
    fetcher: Any,  # noqa: ANN401
    tp: TopicPartition,
    result: FetchResult,
    most_records: int | None,
) -> Chunk | None:
    """Take records out of a fetch: nothing else runs between the two positions."""
    before = position(fetcher, tp)
    # aiokafka would copy each record into an object of its own: 1 µs.
    result._partition_records._consumer_record = _as_it_is  # noqa: SLF001
    records = result.getall(most_records)
    after = position(fetcher, tp)
    if not result.has_more():
        _forget(fetcher, tp)
    if records:
        span = spanned(records[0].offset, records[-1].offset, before, after)
        return Chunk(tp.partition, span, records)
    if before is None or after is None or after <= before:
        return None
    return Chunk(tp.partition, Span(before, after), records)


def _as_it_is(_: TopicPartition, record: Any) -> Any:  # noqa: ANN401
    """Return a record as aiokafka's parser has it, with value, offset and headers."""
    return record


def _forget(fetcher: Any, tp: TopicPartition) -> None:  # noqa: ANN401
    """Forget what was fetched of a partition, so that it is fetched again."""
    del fetcher._records[tp]  # noqa: SLF001
    fetcher._notify(fetcher._wait_consume_future)  # noqa: SLF001


def position(fetcher: Any, tp: TopicPartition) -> int | None:  # noqa: ANN401
    """Return where the next fetch of a partition continues; None when not known."""
    subscription = fetcher._subscriptions.subscription  # noqa: SLF001
    assignment = subscription.assignment if subscription else None
    state = assignment.state_value(tp) if assignment else None
    return state.position if state is not None and state.has_valid_position else None
