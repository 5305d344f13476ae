"""The partitions this worker holds: assigned, taken in, committed, given away."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from streams import telemetry
from streams.core.positions import (
    Answer,
    CountsAheadError,
    LogShorterError,
    Then,
    Verdict,
    after_commit,
)
from streams.topics import Log
from streams.worker import entering, same_log
from streams.worker.chunk import Chunk
from streams.worker.committing import Archive, Committing
from streams.worker.condition import WAITING, Condition
from streams.worker.partition import Partition, Rules
from streams.worker.single_records import Records
from streams.worker.takeover import Bounds, take_over

logger = logging.getLogger(__name__)

_LONGEST_PAUSE_SECONDS = 30.0
# More than this many rows for each row of a flush, and taking in waits for the commit.
_MOST_FLUSHES_WAITING = 2

_OBJECTS_BETWEEN_COLLECTIONS = 100_000


@dataclass(frozen=True, slots=True)
class Kafka:
    """What the holding asks of Kafka.

    Attributes:
        log: Returns the log as Kafka has it now; blocks.
        bounds: Returns the offsets that Kafka has of partitions.
        seek: Fetches partitions again from these offsets.
        records: Connects to read single records; blocks.
    """

    log: Callable[[], Log]
    bounds: Callable[[Iterable[int]], Awaitable[dict[int, Bounds]]]
    seek: Callable[[dict[int, int]], Awaitable[None]]
    records: Callable[[], AbstractContextManager[Records]]


@dataclass(frozen=True, slots=True)
class Limits:
    """When a flush starts early: rows of table callbacks, cells of window_counts."""

    flush_rows: int
    counts_cells: int


class Holding:
    """Partitions, their memory and counts; every change of them goes through here.

    All methods run on one event loop; what blocks runs on the archive's thread.
    """

    def __init__(
        self, data_dir: Path, kafka: Kafka, rules: Rules, limits: Limits
    ) -> None:
        """Hold nothing yet."""
        self.kafka = kafka
        self.condition = Condition()
        self._archive = Archive(data_dir)
        self._committing = Committing(self._archive, self.condition)
        self._rules = rules
        self._limits = limits
        self._partitions: dict[int, Partition] = {}
        self._lock = asyncio.Lock()
        self._flush_wanted = asyncio.Event()
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
        """Commit what can be committed at once, then hold nothing."""
        async with self._lock:
            if await self._flush_callbacks():
                await self._flush_counts()
            self._hold_nothing()
            telemetry.forget_partitions()

    async def close(self) -> None:
        """Commit everything to both tables; the last thing a worker does."""
        await self.revoke()
        self._archive.close()

    async def _take_over(self, numbers: set[int]) -> None:
        """Load partitions, again and again until the archive can be read."""
        self._partitions = {}
        pause = 0.5
        while numbers:
            try:
                log = await self._archive.call(self.kafka.log)
                bounds = await self.kafka.bounds(numbers)
                taken = await self._archive.call(self._load, log, bounds)
                await self.kafka.seek({p: h.position for p, h in taken.items()})
                break
            except CountsAheadError as error:
                self.give_up(
                    f"{error}: no worker writes this. Restore the two tables of the "
                    f"archive from one backup, or begin with another data directory."
                )
                return
            except LogShorterError as error:
                self.give_up(
                    f"{error}: Kafka has lost records that are archived. Nothing is "
                    f"written until somebody has looked: restore Kafka's log, or go on "
                    f"with what it has by `undelivered work --accept-log-loss`."
                )
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, try again
                words = f"cannot read the archive or Kafka: {error}"
                self.condition.cannot("reading", words)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        else:
            return
        self._partitions = taken
        self.condition.can(WAITING, "reading")
        for number, held in taken.items():
            telemetry.TAKEN_IN.labels(str(number)).set(held.position)
        self._measure()
        _settle_memory()

    def _load(self, log: Log, bounds: dict[int, Bounds]) -> dict[int, Partition]:
        both = self._archive.tables()
        life, _ = entering.enter(both[0], log)
        same_log.require(both[0], life, bounds, self.kafka.records)
        return take_over(log, bounds, both, self._rules)

    async def _reset(self) -> None:
        """Throw away what is in memory and begin again from the tables."""
        telemetry.RESETS.inc()
        await self._take_over(set(self._partitions))

    # ------------------------------------------------------------------- chunks

    async def take_in(self, chunk: Chunk) -> None:
        """Take a chunk in as far as it is next; wait while too much is uncommitted."""
        partition = self._partitions.get(chunk.partition)
        if partition is None:
            return
        try:
            verdict = partition.take_in(chunk, self._rules)
        except Exception as error:
            # The partition may have taken in half of the chunk: only a fresh process,
            # beginning from the tables, is sure to be right.
            self.give_up(
                f"Records from offset {chunk.span.start} of partition "
                f"{chunk.partition} cannot be taken in: {error!r}. Nothing is lost: "
                f"they stay in Kafka; --debug shows where it went wrong."
            )
            raise
        telemetry.TAKEN_IN.labels(str(chunk.partition)).set(partition.position)
        if verdict is Verdict.SEEK:
            await self._fetch_again(partition, chunk.span.start)
        waiting = sum(p.waiting_rows for p in self._partitions.values())
        if waiting >= self._limits.flush_rows:
            self._flush_wanted.set()
        if waiting >= self._limits.flush_rows * _MOST_FLUSHES_WAITING:
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
            if number in self._partitions and await self._flush_callbacks():
                await self._take_over(self.numbers)

    # ------------------------------------------------------------------ commits

    async def flush_for_ever(self, flush_seconds: float, counts_seconds: float) -> None:
        """Commit table callbacks in time or when it is full, window_counts after it."""
        counts_due = monotonic() + counts_seconds
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._flush_wanted.wait(), flush_seconds)
            async with self._lock:
                self._flush_wanted.clear()
                done = await self._flush_callbacks()
                if done and (monotonic() >= counts_due or self._many_cells()):
                    await self._flush_counts()
                    counts_due = monotonic() + counts_seconds
            self._room.set()

    def _many_cells(self) -> bool:
        cells = sum(
            len(increment)
            for p in self._partitions.values()
            for increment in p.archived_cells
        )
        return cells >= self._limits.counts_cells

    async def _flush_callbacks(self) -> bool:
        """Commit rows and positions; after a failure begin again from the tables."""
        done = await self._end(self._committing.rows(self._partitions.values()))
        self._measure()
        return done

    async def _flush_counts(self) -> bool:
        """Commit what the cells gained up to the archived positions."""
        return await self._end(self._committing.counts(self._partitions.values()))

    async def _end(self, commit: Awaitable[Answer]) -> bool:
        """Wait for a commit and go on as its answer asks for; return whether it is."""
        try:
            answer = await commit
        except asyncio.CancelledError:
            await self._go_on_after(Answer.INTERRUPTED)
            raise
        await self._go_on_after(answer)
        return answer is Answer.DONE

    async def _go_on_after(self, answer: Answer) -> None:
        then = after_commit(answer)
        if then is Then.BEGIN_AGAIN:
            await self._reset()
        elif then is not Then.GO_ON:
            self._hold_nothing()

    # ------------------------------------------------------------------- helpers

    def taken_in(self) -> dict[int, int]:
        """Return the offset of the next record to take in of each partition held."""
        return {number: p.position for number, p in self._partitions.items()}

    def positions(self) -> dict[int, int]:
        """Return the archived position of each partition held."""
        return {number: p.archived for number, p in self._partitions.items()}

    def _measure(self) -> None:
        for number, position in self.positions().items():
            telemetry.POSITION.labels(str(number)).set(position)

    def _hold_nothing(self) -> None:
        """Forget everything at once: what memory holds may be in a table or not.

        A commit after this would move positions behind rows that it does not have.
        """
        self._partitions = {}
        self.condition.waits_for_partitions()

    def give_up(self, sentence: str) -> None:
        """End the worker; a fresh process begins from the tables."""
        self._hold_nothing()
        self.condition.end(sentence)


def _settle_memory() -> None:
    """Tell Python's cyclic collector not to look at what is here to stay.

    Going through it again and again cost 2 of 8 µs a callback (measured); records and
    callbacks hold no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
