"""Publishing beside the archive: whatever becomes of Kafka or of the table."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from streams.core import publications
from streams.core.positions import Span
from streams.core.publications import Publication
from streams.worker.chunk import Chunk
from streams.worker.condition import Condition
from streams.worker.partition import Partition
from streams.worker.posting import CannotPostError
from streams.worker.publishing import Publishing
from tests.worker import logs
from tests.worker.logs import BEGIN_MS, RULES, Record, body

ACKNOWLEDGED_MS = BEGIN_MS + 2_000


class Topic:
    """Stands where the producer is wired in."""

    def __init__(self) -> None:
        """Take everything at once."""
        self.values: list[tuple[int, bytes]] = []
        self.is_away = False
        self.hangs: set[int] = set()
        self.log_ends: dict[int, int] = {}
        self.is_closed = False

    async def connect(self) -> None:
        """Connect, if Kafka is there."""
        if self.is_away:
            raise CannotPostError("no Kafka answers")

    async def post(self, partition: int, values: Iterable[bytes]) -> int:
        """Take a message, or say that Kafka does not."""
        if self.is_away:
            raise CannotPostError("Kafka has not acknowledged")
        if partition in self.hangs:
            await asyncio.Event().wait()
        self.values += [(partition, value) for value in values]
        return ACKNOWLEDGED_MS

    async def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """Return where the log ends."""
        return {p: self.log_ends[p] for p in partitions if p in self.log_ends}

    async def close(self) -> None:
        """Note it."""
        self.is_closed = True

    def messages(self, partition: int = 0) -> list[Publication]:
        """Return what was published of a partition."""
        found = [
            publications.decode(value, number)
            for number, value in self.values
            if number == partition
        ]
        return [message for message in found if message is not None]

    def events(self, base: int = 0) -> int:
        """Return how many events a reader adds up from the messages of a base."""
        best: Counter[Any] = Counter()
        for message in self.messages():
            if message.base == base:
                best.update({row[:8]: row[8] - best[row[:8]] for row in message.cells})
        return best.total()


class Desk:
    """Everything around publishing, so that each test tells its story."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.topic = Topic()
        self.held: dict[int, Partition] = {}
        self.condition = Condition()
        self.condition.can("partitions")
        self.wanted = 0
        poster: Any = self.topic
        self.publishing = Publishing(
            poster=poster,
            held=lambda: self.held,
            want_counts=self._want,
            condition=self.condition,
        )

    def _want(self) -> None:
        self.wanted += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish meanwhile."""
        task = asyncio.create_task(self.publishing.publish_for_ever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition on the event loop."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def partition(data_dir: Path) -> tuple[logs.Tables, Partition]:
    """Take partition 0 over from tables that are new."""
    both = logs.tables(data_dir)
    return both, logs.take_over_partition(both, end=1_000)


def take_in(held: Partition, count: int, **fields: Any) -> None:  # noqa: ANN401
    """Take that many records in, an event each."""
    begin = held.position
    records = [
        Record(o, BEGIN_MS + o, body(f"m{o}", **fields))
        for o in range(begin, begin + count)
    ]
    held.take_in(Chunk(held.number, Span(begin, begin + count), records), RULES)


async def test_what_is_taken_in_is_published(tmp_path: Path) -> None:
    """Complete at first, then what changed; with the last record's time."""
    desk = Desk()
    _, held = partition(tmp_path)
    desk.held = {0: held}
    take_in(held, 2)
    async with desk.running():
        await until(lambda: desk.topic.events() == 2)
        take_in(held, 3)
        await until(lambda: desk.topic.events() == 5)

    first = desk.topic.messages()[0]
    assert (first.complete, first.base, first.position) == (True, 0, 2)
    assert first.as_of == BEGIN_MS + 1
    assert first.log_id == held.log_id


async def test_an_idle_partition_says_that_everything_is_counted(
    tmp_path: Path,
) -> None:
    """The log ends where it stands: the time of the message before goes on."""
    desk = Desk()
    _, held = partition(tmp_path)
    desk.held = {0: held}
    desk.topic.log_ends = {0: 2}
    take_in(held, 2)
    async with desk.running():
        await until(lambda: desk.topic.messages()[-1:] and _as_of(desk) > BEGIN_MS + 1)

    assert _as_of(desk) == ACKNOWLEDGED_MS


def _as_of(desk: Desk) -> int:
    return desk.topic.messages()[-1].as_of or 0


async def test_a_commit_of_counts_is_followed_by_a_complete_message(
    tmp_path: Path,
) -> None:
    """Its numbers begin at the table's new position."""
    desk = Desk()
    both, held = partition(tmp_path)
    desk.held = {0: held}
    async with desk.running():
        take_in(held, 2)
        await until(lambda: desk.topic.events() == 2)
        logs.archive(both, held)
        logs.count(both, held)
        take_in(held, 1)
        await until(lambda: desk.topic.events(base=2) == 1)

    newer = [m for m in desk.topic.messages() if m.base == 2]
    assert newer[0].complete


async def test_rows_that_are_being_committed_are_not_left_out(tmp_path: Path) -> None:
    """The archive may be away for long: all since the counts is published still."""
    desk = Desk()
    _, held = partition(tmp_path)
    take_in(held, 2)
    cut = held.cut()
    assert cut is not None
    take_in(held, 1)
    desk.held = {0: held}
    async with desk.running():
        await until(lambda: desk.topic.events() == 3)


async def test_kafka_away_is_said_and_made_up_for(tmp_path: Path) -> None:
    """Nothing waits for it; when it is back everything is told."""
    desk = Desk()
    _, held = partition(tmp_path)
    desk.held = {0: held}
    desk.topic.is_away = True
    async with desk.running():
        await until(lambda: desk.condition.problem)
        take_in(held, 4)
        desk.topic.is_away = False
        await until(lambda: desk.topic.events() == 4)
        desk.topic.is_away = True
        take_in(held, 1)
        await until(lambda: "cannot publish" in str(desk.condition.problem))
        desk.topic.is_away = False
        await until(lambda: desk.topic.events() == 5)
        await until(lambda: desk.condition.problem is None)


async def test_a_partition_whose_broker_is_away_keeps_no_other_waiting(
    tmp_path: Path,
) -> None:
    """One message is on its way, and no more are made until it has arrived."""
    desk = Desk()
    _, held = partition(tmp_path / "one")
    _, other = partition(tmp_path / "other")
    other.number = 1
    desk.held = {0: held, 1: other}
    desk.topic.hangs = {1}
    async with desk.running():
        for total in (1, 2):
            take_in(held, 1)
            await until(lambda total=total: desk.topic.events() == total)  # type: ignore[misc]

    assert desk.topic.messages(1) == []


async def test_a_partition_taken_over_anew_is_told_completely(tmp_path: Path) -> None:
    """What this process knew before is of another holding."""
    desk = Desk()
    _, first = partition(tmp_path)
    take_in(first, 2)
    desk.held = {0: first}
    async with desk.running():
        await until(lambda: desk.topic.events() == 2)
        _, second = partition(tmp_path)
        desk.held = {0: second}
        told = len(desk.topic.messages())
        await until(lambda: len(desk.topic.messages()) > told)

    assert desk.topic.messages()[told].complete
    assert desk.topic.messages()[told].position == 0


async def test_counts_too_large_for_a_message_ask_for_a_commit(tmp_path: Path) -> None:
    """The table alone can tell them."""
    desk = Desk()
    both, held = partition(tmp_path)
    desk.held = {0: held}
    take_in(held, 1, carrierName="x" * 300_000)
    async with desk.running():
        await until(lambda: desk.wanted)
        logs.archive(both, held)
        logs.count(both, held)
        await until(lambda: desk.topic.messages()[-1].base == 1)
        before = desk.wanted
        take_in(held, 1)
        await until(lambda: desk.topic.events(base=1) == 1)

    assert desk.wanted == before
    assert all(len(value) <= publications.PART_BYTES for _, value in desk.topic.values)


async def test_the_last_message_is_of_what_is_in_the_tables(tmp_path: Path) -> None:
    """A reader that starts while no worker runs need not wait."""
    desk = Desk()
    both, held = partition(tmp_path / "one")
    _, unsaved = partition(tmp_path / "other")
    unsaved.number = 1
    take_in(held, 2)
    desk.held = {0: held, 1: unsaved}
    async with desk.running():
        await until(lambda: desk.topic.messages(1) and desk.topic.events() == 2)
        desks = desk.publishing.desks()
        take_in(unsaved, 1)
        logs.archive(both, held)
        logs.count(both, held)
        desk.held = {}
        await desk.publishing.finish(desks)

    last = desk.topic.messages()[-1]
    assert (last.complete, last.base, last.position) == (True, 2, 2)
    assert all(message.position == 0 for message in desk.topic.messages(1))
    assert desk.topic.is_closed


class Slip(Partition):
    """A partition that cannot be published, for a reason that nobody foresaw."""

    def gained(self) -> list[pa.Table]:
        """Fail."""
        raise MemoryError("no room")


async def test_a_slip_in_publishing_ends_nothing(tmp_path: Path) -> None:
    """It is said, and tried again; the others are published."""
    desk = Desk()
    _, held = partition(tmp_path)
    take_in(held, 1)
    slip = Slip(1, held.log_id, held.standing, held.memory)
    desk.held = {1: slip, 0: held}
    async with desk.running():
        await until(lambda: "no room" in str(desk.condition.problem))
        await until(lambda: desk.topic.events() == 1)
        desk.held = {0: held}
        await until(lambda: desk.condition.problem is None)
