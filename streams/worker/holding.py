"""The partitions this worker holds: assigned, taken in, committed, given away."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from tenacity import AsyncRetrying, retry_if_result, wait_random_exponential

from streams.archive.site import Where
from streams.core.positions import Answer, Then, Verdict, after_commit
from streams.worker import saving
from streams.worker.chunk import Chunk
from streams.worker.committing import Archive, Committing, Flushed
from streams.worker.condition import WAITING, Condition
from streams.worker.loading import (
    LONGEST_PAUSE_SECONDS,
    CannotGoOnError,
    Kafka,
    Loading,
)
from streams.worker.measuring import Measuring
from streams.worker.partition import Partition, Rules, read
from streams.worker.portions import portions

logger = logging.getLogger(__name__)

# More than this many rows for each row of a flush, and taking in waits for the commit.
_MOST_FLUSHES_WAITING = 2
# A flush starts early at this share of the bytes that may wait.
_FLUSH_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Limits:
    """When a flush starts early, and when taking in waits.

    Attributes:
        flush_rows: Rows of table callbacks that start a flush; at twice as many taking
            in waits, unless the archive cannot be written.
        counts_cells: Cells that start a commit of window_counts.
        waiting_bytes: Rows in memory beyond which taking in waits in any case.
    """

    flush_rows: int
    counts_cells: int
    waiting_bytes: int


class Holding:
    """Partitions, their memory and counts; every change of them goes through here.

    All methods run on one event loop; what blocks runs on the archive's thread.
    """

    def __init__(
        self, where: Where, kafka: Kafka, rules: Rules, limits: Limits
    ) -> None:
        """Hold nothing yet."""
        self.kafka = kafka
        self.condition = Condition()
        self._archive = Archive(where)
        self.measuring = Measuring()
        self._committing = Committing(self._archive, self.condition, self.measuring)
        self._loading = Loading(self._archive, kafka, rules, self.condition)
        self._saving = saving.Saving()
        self._rules = rules
        self._limits = limits
        self._partitions: dict[int, Partition] = {}
        self._let_go: dict[int, Partition] = {}
        self._lock = asyncio.Lock()
        self._flush_wanted = asyncio.Event()
        self._counts_wanted = False
        self._room = asyncio.Event()

    @property
    def problem(self) -> str | None:
        """Return why the worker cannot do its work now, or None."""
        return self.condition.problem

    @property
    def fatal(self) -> asyncio.Future[str]:
        """Return the future that has a sentence when the worker has to end."""
        return self.condition.fatal

    # ---------------------------------------------------------------- partitions

    @property
    def numbers(self) -> set[int]:
        """Return the partitions held."""
        return set(self._partitions)

    @property
    def partitions(self) -> Mapping[int, Partition]:
        """Return what is held, by partition; to be looked at, not changed."""
        return self._partitions

    async def assign(self, numbers: Iterable[int]) -> None:
        """Hold exactly these partitions and fetch them from their positions.

        What is held already keeps its memory; it was not revoked since.
        """
        async with self._lock:
            wanted = set(numbers)
            if wanted != self.numbers:
                await self._take_over(wanted)
            elif wanted:
                places = {p: held.position for p, held in self._partitions.items()}
                await self.kafka.seek(places)

    async def revoke(self) -> None:
        """Commit what can be committed at once, then hold nothing.

        What was held is kept aside: where the next assignment brings it back and nobody
        has moved its positions, nothing has to be read.
        """
        async with self._lock:
            await self._flush_at_last()
            in_doubt = self._committing.let_go_of_doubts()
            held = {**self._let_go, **self._partitions}
            self._hold_nothing()
            self._let_go = {p: held[p] for p in held if p not in in_doubt}

    async def close(self) -> None:
        """Commit everything to both tables; nothing is taken in any more."""
        await self.revoke()
        self._archive.close()

    async def save(self) -> None:
        """Save what was remembered; the last thing a worker does."""
        await self._saving.finish()
        await self._saving.write(saving.gather(self._let_go.values()))

    async def _take_over(self, numbers: set[int]) -> None:
        """Hold exactly these partitions, whatever of them is held now."""
        held = {**self._let_go, **self._partitions}
        self._partitions, self._let_go = {}, held
        if not numbers:
            return
        try:
            taken = await self._loading.load(numbers, held)
        except CannotGoOnError as error:
            self.give_up(str(error))
            return
        self._partitions, self._let_go = taken, {}
        self.condition.can(WAITING)
        self.measuring.holds(taken)

    async def _begin_again(self, numbers: Iterable[int]) -> None:
        """Take over anew what somebody else has moved; the others stay as they are."""
        overtaken = set(numbers) & self.numbers
        if not overtaken:
            return
        self.measuring.reset(overtaken)
        held = {p: self._partitions.pop(p) for p in overtaken}
        try:
            taken = await self._loading.load(overtaken, held)
        except CannotGoOnError as error:
            self.give_up(str(error))
            return
        self._partitions |= taken
        self.measuring.holds(self._partitions)

    # ------------------------------------------------------------------- chunks

    async def take_in(self, *chunks: Chunk) -> None:
        """Take chunks in as far as each is next; wait while too much is uncommitted.

        Args:
            chunks: Records of different partitions.
        """
        for portion, is_heavy in portions(chunks):
            if is_heavy:
                # No commit and no rebalance meanwhile; the loop goes on.
                async with self._lock:
                    missing = await self._take_in(portion, off_the_loop=True)
            else:
                missing = await self._take_in(portion, off_the_loop=False)
            for partition, offset in missing:
                await self._fetch_again(partition, offset)
            await self._wait_for_room()

    async def _take_in(
        self, chunks: list[Chunk], *, off_the_loop: bool
    ) -> list[tuple[Partition, int]]:
        """Take chunks in; return before which offsets records are missing."""
        found = [
            (partition, chunk)
            for chunk in chunks
            if (partition := self._partitions.get(chunk.partition))
        ]
        try:
            if off_the_loop:
                done = await asyncio.to_thread(read, found, self._rules)
            else:
                done = read(found, self._rules)
            done.take_in()
        except asyncio.CancelledError:
            self._hold_nothing()
            raise
        except Exception as error:
            # Memory may have taken in a part of them: only a fresh process, beginning
            # from the tables, is sure to be right.
            spans = ", ".join(
                f"{c.span.start} of partition {c.partition}" for c in chunks
            )
            self.give_up(
                f"Records from offset {spans} cannot be taken in: {error!r}. Nothing "
                f"is lost: they stay in Kafka; --debug shows where it went wrong."
            )
            raise
        taken_in = {p.number: len(chunk.records) for p, chunk in done.nexts}
        missing = []
        for (partition, chunk), verdict in zip(found, done.verdicts, strict=True):
            if verdict is Verdict.SEEK:
                missing.append((partition, chunk.span.start))
            elif verdict is not Verdict.ACCEPT:
                next_ones = taken_in.get(partition.number, 0)
                self.measuring.took_in(partition, len(chunk.records) - next_ones)
            else:
                self.measuring.took_in(partition, 0)
        return missing

    async def _wait_for_room(self) -> None:
        if self._is_time_to_flush():
            self._flush_wanted.set()
        while self._is_full():
            self._room.clear()
            await self._room.wait()

    async def _fetch_again(self, partition: Partition, offset: int) -> None:
        """Fetch records again that are missing before an offset, if Kafka has them."""
        number, position = partition.number, partition.position
        logger.warning(
            "Partition %d: records before offset %d are missing, fetching again from "
            "%d.",
            number,
            offset,
            position,
        )
        bounds = await self.kafka.bounds({number})
        if bounds[number].begin <= position:
            await self.kafka.seek({number: position})
            return
        async with self._lock:
            # What is in memory is deleted, too: it is archived before the gap is.
            if number in self._partitions and await self._flush(counts=False):
                await self._begin_again({number})

    def _is_time_to_flush(self) -> bool:
        rows, nbytes = self._waiting()
        most = self._limits.waiting_bytes * _FLUSH_SHARE
        return rows >= self._limits.flush_rows or nbytes >= most

    def _is_full(self) -> bool:
        rows, nbytes = self._waiting()
        if nbytes >= self._limits.waiting_bytes:
            return True
        most = self._limits.flush_rows * _MOST_FLUSHES_WAITING
        return rows >= most and not self._committing.is_failing

    def _waiting(self) -> tuple[int, int]:
        """Return the rows, and the bytes, that wait for a commit."""
        partitions = self._partitions.values()
        nbytes = sum(p.waiting_bytes for p in partitions)
        rows = sum(p.waiting_rows for p in partitions)
        return rows, nbytes + self._committing.bytes_in_doubt

    # ------------------------------------------------------------------ commits

    async def flush_for_ever(self, flush_seconds: float, counts_seconds: float) -> None:
        """Commit table callbacks in time or when it is full, window_counts after it."""
        again = AsyncRetrying(
            retry=retry_if_result(lambda done: not done),
            wait=wait_random_exponential(max=LONGEST_PAUSE_SECONDS),
        )
        counts_due = monotonic() + counts_seconds
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._flush_wanted.wait(), flush_seconds)
            is_due = monotonic() >= counts_due
            counts = is_due or self._counts_wanted or self._many_cells()
            self._counts_wanted = False
            await again(self._flush_under_lock, counts=counts)
            if counts:
                counts_due = monotonic() + counts_seconds

    async def _flush_under_lock(self, *, counts: bool) -> bool:
        async with self._lock:
            self._flush_wanted.clear()
            done = await self._flush(counts=counts)
            if done:
                self._saving.look(self._partitions.values())
        self._room.set()
        return done

    def want_counts(self) -> None:
        """Commit counts at the next flush: some can be told by the table alone."""
        self._counts_wanted = True

    def _many_cells(self) -> bool:
        cells = sum(
            len(increment)
            for p in self._partitions.values()
            for increment in p.archived_cells
        )
        return cells >= self._limits.counts_cells

    async def _flush(self, *, counts: bool) -> bool:
        """Commit rows and positions, and then the counts up to them if wanted."""
        done = await self._end(self._committing.rows(self._partitions.values()))
        if done and counts:
            done = await self._end(self._committing.counts(self._partitions.values()))
        return done

    async def _flush_at_last(self) -> None:
        """Commit what can be; what somebody else has moved is not loaded any more."""
        for commit in (self._committing.rows, self._committing.counts):
            for _ in range(2):  # where a commit was refused, others' were with it
                flushed = await self._wait_for(commit(self._partitions.values()))
                for number in flushed.overtaken:
                    self._partitions.pop(number, None)
                if flushed.answer is not Answer.REFUSED:
                    break
            if flushed.answer is not Answer.DONE:
                return

    async def _end(self, flush: Awaitable[Flushed]) -> bool:
        """Wait for a flush and go on as its answer asks for; return whether it is."""
        flushed = await self._wait_for(flush)
        await self._begin_again(flushed.overtaken)
        return flushed.answer is Answer.DONE

    async def _wait_for(self, flush: Awaitable[Flushed]) -> Flushed:
        """Wait for a flush; hold nothing where nobody knows how it ended."""
        try:
            flushed = await flush
        except asyncio.CancelledError:
            self._committing.let_go_of_doubts()
            self._hold_nothing()
            raise
        if after_commit(flushed.answer) in {Then.HOLD_NOTHING, Then.END}:
            self._hold_nothing()
        return flushed

    # ------------------------------------------------------------------- helpers

    def taken_in(self) -> dict[int, int]:
        """Return the offset of the next record to take in of each partition held."""
        return {number: p.position for number, p in self._partitions.items()}

    def positions(self) -> dict[int, int]:
        """Return the archived position of each partition held."""
        return {number: p.archived for number, p in self._partitions.items()}

    def _hold_nothing(self) -> None:
        """Forget everything at once: what memory holds may be in a table or not.

        A commit after this would move positions behind rows that it does not have.
        """
        self._partitions, self._let_go = {}, {}
        self.measuring.holds({})
        self._room.set()
        self.condition.waits_for_partitions()

    def give_up(self, sentence: str) -> None:
        """End the worker; a fresh process begins from the tables."""
        self._hold_nothing()
        self.condition.end(sentence)
