"""What the monitor knows: totals in memory, kept right by the reader's rules.

Everything here runs on one event loop; the table is read on a thread.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from streams import telemetry
from streams.archive import place as places
from streams.core import publications
from streams.core.live import SILENCE_MS, Place, Reader
from streams.core.publications import Cell, Numbers
from streams.core.series import encoded
from streams.core.totals import HOUR, Totals, as_changes
from streams.monitor.counts_table import (
    CountsTable,
    Snapshot,
    TableUnreadableError,
    add_up,
)
from streams.monitor.signs import Signs, in_words

logger = logging.getLogger(__name__)

_MINUTE_MS = 60_000
_MINUTE_US = 60_000_000
# How often the table is looked at although no message told of a newer base.
_LOOK_SECONDS = 30.0
_WANTED_SECONDS = 0.1


class Log(NamedTuple):
    """The life of topic callbacks that is followed, and its partitions."""

    log_id: str
    partitions: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is held: whole hours back from now, and cells."""

    hours: int
    cells: int


@dataclass(frozen=True, slots=True)
class Older:
    """What belongs to minutes that are not in memory, at one moment.

    Attributes:
        files: Those of the table's snapshot, by the names that DuckDB opens.
        place: Where the table lies.
        version: The table's version.
        more: Numbers by cell to be added to the files' sums, with their sign.
    """

    files: list[str]
    place: places.Place
    version: int
    more: list[tuple[Mapping[Cell, Numbers], int]]


class Live:
    """Totals, how far they are, and whether they may be shown."""

    def __init__(self, table: CountsTable, log: Log, limits: Limits) -> None:
        """Begin without anything; :meth:`load` comes next."""
        self._table = table
        self._log = log
        self._limits = limits
        self._snapshot = Snapshot()
        self._ahead: dict[Place, dict[Cell, Numbers]] = {}
        self._reader = Reader(log.log_id, log.partitions, {})
        self._unread: dict[int, int] | None = None
        self._table_problem: str | None = None
        self._is_ready = False
        self.signs = Signs()
        self.totals = Totals(0, limits.cells)
        self.changed = 0

    # ------------------------------------------------------------------ the table

    async def load(self, newest_ms: int | None) -> None:
        """Read the table, and begin with its sums.

        Args:
            newest_ms: Broker's time of the newest message, milliseconds; None without
                one, then the machine's clock says which hours are the last ones.

        Raises:
            TableUnreadableError: The table cannot be read.
        """
        since = self._first_minute(newest_ms or self.signs.now_ms())
        began = time.monotonic()
        snapshot, totals = await asyncio.to_thread(self._loaded, since)
        self._snapshot, self.totals, self._ahead = snapshot, totals, {}
        log = self._log
        self._reader = Reader(log.log_id, log.partitions, snapshot.positions)
        logger.info(
            "Read table window_counts, version %d: %d cells of %d files in %.1f s.",
            snapshot.version,
            len(totals),
            len(snapshot.files),
            time.monotonic() - began,
        )

    def _loaded(self, since: int) -> tuple[Snapshot, Totals]:
        snapshot = self._table.newest()
        totals = Totals(since, self._limits.cells)
        for rows in self._table.rows(snapshot, since * _MINUTE_US):
            totals.add(encoded(rows, totals.book))
        totals.settle()
        # What the rows took is not needed again.
        pa.default_memory_pool().release_unused()
        return snapshot, totals

    async def follow_table(self) -> None:
        """Read the table again whenever a message is ahead of it; never return."""
        while True:
            await self._until_wanted()
            await self._look()

    async def _look(self) -> None:
        try:
            await self._catch_up()
        except TableUnreadableError as error:
            if self._table_problem is None:
                logger.warning("%s", error)
            self._table_problem = f"{error}."
        else:
            self._table_problem = None

    async def _until_wanted(self) -> None:
        end = time.monotonic() + _LOOK_SECONDS
        await asyncio.sleep(_WANTED_SECONDS)
        # An event would be set by each of the messages, hundreds a second.
        while time.monotonic() < end and not self._reader.wanted():  # noqa: ASYNC110
            await asyncio.sleep(_WANTED_SECONDS)

    async def _catch_up(self) -> None:
        old = self._snapshot
        new = await asyncio.to_thread(self._table.newest)
        if new.version == old.version:
            return
        if new.version < old.version or _steps_back(old, new):
            logger.warning("Table window_counts is another one: read from its start.")
            await self.load(self.signs.now_ms())
            return
        gained = await asyncio.to_thread(self._table.gained, old, new)
        self._snapshot = new
        for place, numbers in gained.items():
            add_up(self._ahead.setdefault(place, {}), numbers)
        for place in {*gained, *new.positions}:
            position = new.positions.get(place, 0)
            if position > self._reader.base(place):
                gained_here = dict(self._ahead.get(place, {}))
                self._change(self._reader.offer(place, position, gained_here))
            elif numbers := self._ahead.get(place, {}):
                # Files were rewritten, and what they say was made right.
                self._change(numbers)
            self._forget_ahead(place)

    def _forget_ahead(self, place: Place) -> None:
        """Let go of what the totals have once the reader is as far as the table."""
        if self._reader.base(place) >= self._snapshot.positions.get(place, 0):
            self._ahead.pop(place, None)

    # ---------------------------------------------------------------- the messages

    def expect(self, ends: Mapping[int, int]) -> None:
        """Note up to which offsets the topic is to be read before totals are shown."""
        self._unread = dict(ends)
        self._see_whether_all_is_read()

    def take_in(
        self, partition: int, offset: int, written_ms: int, value: bytes | None
    ) -> None:
        """Take one record of topic window-counts in."""
        publication = publications.decode(value, partition)
        telemetry.PUBLICATIONS_READ.labels(
            "read" if publication else "unreadable"
        ).inc()
        if publication is not None:
            place = Place(publication.log_id, publication.partition)
            self._change(self._reader.take_in(publication, written_ms))
            self._forget_ahead(place)
            self.signs.note(publication, written_ms)
        if self._unread and offset + 1 >= self._unread.get(partition, 1 << 63):
            del self._unread[partition]
            self._see_whether_all_is_read()

    def _see_whether_all_is_read(self) -> None:
        if not self._unread:
            self.signs.caught_up()

    def _change(self, changes: Mapping[Cell, Numbers]) -> None:
        if changes:
            self.totals.change(as_changes(changes))
            self.changed += 1

    def follow(self, log: Log) -> None:
        """Note which log is the current one."""
        self._log = log
        self._reader.follow(log.log_id, log.partitions)

    def forget_old_hours(self) -> None:
        """Keep the last hours alone, by the broker's time."""
        self.totals.forget_before(self._first_minute(self.signs.now_ms()))
        telemetry.CELLS.set(len(self.totals))

    def _first_minute(self, now_ms: int) -> int:
        return (now_ms // _MINUTE_MS // HOUR - self._limits.hours) * HOUR

    # ------------------------------------------------------------------- what is known

    def positions(self) -> dict[Place, int]:
        """Return how far the totals are: the records below are in them."""
        standings = self._reader.standings()
        return {
            place: standing.position
            for place, standing in standings.items()
            if standing.position
        }

    def as_of_ms(self) -> int | None:
        """Return before which broker's time everything acknowledged is counted."""
        told = [self._as_of(place) for place in self._places()]
        known = [time for time in told if time is not None]
        return min(known) if known and len(known) == len(told) else None

    def _as_of(self, place: Place) -> int | None:
        """Return the latest that was said of records that are in the totals."""
        standing = self._reader.standings().get(place)
        told = self.signs.told(place, self._reader.base(place))
        own = None if standing is None else standing.as_of
        return max((t for t in (own, told) if t is not None), default=None)

    def _places(self) -> Iterator[Place]:
        for number in range(self._log.partitions):
            yield Place(self._log.log_id, number)

    def problems(self) -> list[str]:
        """Say in sentences why the answers are not up to date; empty when they are."""
        found = self.signs.silences(list(self._places()))
        return found if self._table_problem is None else [*found, self._table_problem]

    def unready(self) -> str | None:
        """Say why nothing may be shown yet, or None; once ready, always ready."""
        if not self._is_ready:
            reason = self._waits_for()
            if reason is not None:
                return reason
            self._is_ready = True
        return None

    def _waits_for(self) -> str | None:
        if self._unread is None or self._unread:
            return "reading the topic window-counts"
        now_ms = self.signs.now_ms()
        waiting = [
            number
            for number in self._reader.waits_for(now_ms)
            if self.signs.is_beyond(
                Place(self._log.log_id, number),
                self._reader.base(Place(self._log.log_id, number)),
            )
        ]
        if not waiting:
            return None
        return (
            f"waiting for a worker's complete counts of {in_words(waiting)}, "
            f"for at most {SILENCE_MS // _MINUTE_MS} minutes"
        )

    def older(self) -> Older:
        """Return what the table and the messages have of minutes not in memory."""
        gained: dict[Cell, Numbers] = {}
        since = self.totals.since * 60
        for _, cell, numbers in self._reader.gained():
            if cell[0] < since:
                add_up(gained, {cell: numbers})
        ahead = [(numbers, -1) for numbers in self._ahead.values()]
        return Older(
            [self._table.place.opened_as(name) for name in self._snapshot.files],
            self._table.place,
            self._snapshot.version,
            [(gained, 1), *((dict(numbers), sign) for numbers, sign in ahead)],
        )


def _steps_back(old: Snapshot, new: Snapshot) -> bool:
    return any(new.positions.get(p, 0) < at for p, at in old.positions.items())
