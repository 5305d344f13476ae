"""Counts are published as they change; taking in never waits for it."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic, process_time, thread_time

from streams import telemetry
from streams.archive.schema import RULES_VERSION
from streams.core import publications
from streams.core.announcing import Announcement, Announcer
from streams.core.pace import Pace
from streams.worker.condition import Condition
from streams.worker.partition import Partition
from streams.worker.posting import CannotPostError, Poster

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.25
CONNECT_AGAIN_SECONDS = 1.0
_BEHIND_MS = 3_000
_PROBLEM = "publishing"


@dataclass(slots=True)
class Desk:
    """A held partition, what is published of it, and what is on its way."""

    partition: Partition
    announcer: Announcer
    sending: asyncio.Task[None] | None = None
    ended_at: int | None = None
    is_behind: bool = False

    @property
    def is_free(self) -> bool:
        """Tell whether nothing of it is on its way."""
        return self.sending is None or self.sending.done()


@dataclass(slots=True)
class Publishing:
    """Publishes what the partitions held by a worker gained.

    Each partition has one message on its way at most, so that one whose broker is away
    keeps no other waiting, and nothing piles up.

    Attributes:
        poster: Writes to the topic, and asks where topic callbacks ends.
        held: Returns the partitions held now.
        want_counts: Asks for a commit of counts that are too large for a message.
        condition: Where it is said that Kafka does not take messages.
    """

    poster: Poster
    held: Callable[[], Mapping[int, Partition]]
    want_counts: Callable[[], None]
    condition: Condition
    _desks: dict[int, Desk] = field(default_factory=dict)
    _pace: Pace = field(default_factory=Pace)
    _ends_wanted: dict[int, int] = field(default_factory=dict)
    _acknowledged: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish_for_ever(self) -> None:
        """Publish every 250 ms, whatever becomes of Kafka meanwhile."""
        await self._connect()
        looking = asyncio.create_task(self._look_at_ends())
        try:
            while True:
                began = monotonic()
                await self._publish()
                await asyncio.sleep(max(0.0, TICK_SECONDS - (monotonic() - began)))
        finally:
            looking.cancel()

    async def _connect(self) -> None:
        while True:
            try:
                await self.poster.connect()
            except CannotPostError as error:
                self.condition.cannot(_PROBLEM, f"cannot publish counts: {error}")
                await asyncio.sleep(CONNECT_AGAIN_SECONDS)
            else:
                self.condition.can(_PROBLEM)
                return

    async def _publish(self) -> None:
        """Announce what changed, or only a sign of life while it is not time yet."""
        held = self.held()
        self._desks = {
            number: self._desks[number]
            if number in self._desks and self._desks[number].partition is partition
            else _desk(partition)
            for number, partition in held.items()
        }
        only_signs = not self._pace.is_due(process_time(), monotonic())
        spent = 0.0
        for desk in list(self._desks.values()):
            if not desk.is_free:
                continue
            began = thread_time()
            desk.sending = self._announce(desk, only_sign=only_signs)
            spent += thread_time() - began
            await asyncio.sleep(0)  # records are taken in between two partitions
        if any(desk.announcer.waits_for_the_table for desk in self._desks.values()):
            self.want_counts()
        if not only_signs:
            is_behind = any(desk.is_behind for desk in self._desks.values())
            self._pace.note(spent, process_time(), monotonic(), is_behind=is_behind)

    def _announce(self, desk: Desk, *, only_sign: bool) -> asyncio.Task[None] | None:
        try:
            announcement = (
                desk.announcer.sign(monotonic())
                if only_sign
                else desk.announcer.announce(desk.partition, monotonic())
            )
        except Exception as error:  # noqa: BLE001 - archiving goes on, and this again
            self._cannot(error)
            return None
        if announcement is None:
            return None
        return asyncio.create_task(self._send(desk, announcement))

    def _cannot(self, error: Exception) -> None:
        telemetry.PUBLISHED.labels("failed").inc()
        self.condition.cannot(_PROBLEM, f"cannot publish counts: {error}")
        logger.debug("Publishing", exc_info=error)

    async def _send(self, desk: Desk, announcement: Announcement) -> None:
        head = announcement.head
        values = publications.encode(head, announcement.encoded)
        try:
            timestamp_ms = await self.poster.post(head.partition, values)
        except Exception as error:  # noqa: BLE001 - archiving goes on, and this again
            self._cannot(error)
            return
        telemetry.PUBLISHED.labels("complete" if head.complete else "changed").inc()
        self.condition.can(_PROBLEM)
        desk.announcer.acknowledged(monotonic())
        if timestamp_ms is not None:
            lag_ms = 0 if head.as_of is None else timestamp_ms - head.as_of
            desk.is_behind = lag_ms > _BEHIND_MS
            if desk.partition.position == head.position:
                self._ends_wanted[head.partition] = timestamp_ms
                self._acknowledged.set()

    async def _look_at_ends(self) -> None:
        """Ask where the log ends, for what was acknowledged before."""
        while True:
            await self._acknowledged.wait()
            self._acknowledged.clear()
            wanted, self._ends_wanted = self._ends_wanted, {}
            desks = {n: self._desks[n] for n in wanted if n in self._desks}
            try:
                ends = await self.poster.ends(desks)
            except CannotPostError as error:  # as_of stands still until it answers
                logger.debug("The log's ends are not known: %r", error)
                await asyncio.sleep(CONNECT_AGAIN_SECONDS)
                continue
            for number, end in ends.items():
                desks[number].announcer.found_end(end, wanted[number])

    def desks(self) -> list[Desk]:
        """Return what is published now, to be given to :meth:`finish`."""
        return list(self._desks.values())

    async def finish(self, desks: Iterable[Desk]) -> None:
        """Say a last time how far partitions came, after the last commit; then close.

        Without it a reader that starts while no worker runs would wait for one.

        Args:
            desks: Those of the partitions that were held; what is not wholly in the
                tables is left out.
        """
        try:
            await asyncio.gather(*[self._send_last(desk) for desk in desks])
        finally:
            await self.poster.close()

    async def _send_last(self, desk: Desk) -> None:
        if desk.sending is not None:
            await desk.sending
        if desk.partition.counted == desk.partition.position:
            announcement = desk.announcer.announce(desk.partition, monotonic())
            if announcement is not None:
                await self._send(desk, announcement)


def _desk(partition: Partition) -> Desk:
    announcer = Announcer(partition.log_id, partition.number, RULES_VERSION)
    return Desk(partition, announcer)
