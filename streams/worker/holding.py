"""The partitions this worker holds, and the commits of what they gained."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import pyarrow.compute as pc

from streams import telemetry
from streams.archive import table as tables
from streams.core.positions import (
    Answer,
    CountsAheadError,
    LogShorterError,
    Then,
    Verdict,
    after_commit,
)
from streams.settings import ConfigurationError
from streams.topics import Log
from streams.worker.chunk import Chunk
from streams.worker.commits import Tables, commit_counts, commit_rows
from streams.worker.partition import Partition, Rules
from streams.worker.takeover import Bounds, take_over

logger = logging.getLogger(__name__)

STUCK_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 30.0
# More than this many rows for each row of a flush, and taking in waits for the commit.
_MOST_FLUSHES_WAITING = 2

_OBJECTS_BETWEEN_COLLECTIONS = 100_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kafka:
    """What the holding asks of Kafka.

    Attributes:
        log: Returns the log as Kafka has it now; blocks.
        bounds: Returns the offsets that Kafka has of partitions.
        seek: Fetches partitions again from these offsets.
    """

    log: Callable[[], Log]
    bounds: Callable[[Iterable[int]], Awaitable[dict[int, Bounds]]]
    seek: Callable[[dict[int, int]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """When a flush starts early: rows of table callbacks, cells of window_counts."""

    flush_rows: int
    counts_cells: int


class Holding:
    """Partitions, their memory and counts; every change of them goes through here.

    All methods run on one event loop; what blocks runs on one thread of its own, so
    that a table is never used by two at once.
    """

    def __init__(
        self, data_dir: Path, kafka: Kafka, rules: Rules, limits: Limits
    ) -> None:
        """Hold nothing yet."""
        self.fatal: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._problems: dict[str, str] = {"partitions": "waiting for partitions"}
        self._data_dir = data_dir
        self._kafka = kafka
        self._rules = rules
        self._limits = limits
        self._tables: Tables | None = None
        self._partitions: dict[int, Partition] = {}
        self._stuck: dict[int, tuple[int, float]] = {}
        self._lock = asyncio.Lock()
        self._flush_wanted = asyncio.Event()
        self._room = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive")

    @property
    def problem(self) -> str | None:
        """Return why the worker cannot do its work now, or None."""
        waiting = self._problems.get("partitions")
        return next((p for p in self._problems.values() if p != waiting), waiting)

    def watch(self, ends: Mapping[int, int], now: float) -> None:
        """Give up when records wait in Kafka and none is taken in for a minute.

        Whatever is stuck then, a fresh process is not; nothing is lost by it.

        Args:
            ends: The offset of Kafka's next record, by partition held.
            now: Seconds of a clock that never steps back.
        """
        for number, end in ends.items():
            partition = self._partitions.get(number)
            if partition is not None and end < partition.position:
                self.give_up(
                    f"Kafka's log of partition {number} ends at offset {end}, before "
                    f"the position {partition.position} of this worker: Kafka has lost "
                    f"records. The worker ends; at its start it says what to do."
                )
                return
            if partition is None or partition.position >= end or self._problems:
                self._stuck.pop(number, None)
                continue
            position, since = self._stuck.get(number, (partition.position, now))
            if position != partition.position:
                since = now
            self._stuck[number] = (partition.position, since)
            if now - since > STUCK_SECONDS:
                self.give_up(
                    f"Partition {number} has records from offset "
                    f"{partition.position} on that were not fetched for "
                    f"{STUCK_SECONDS:.0f} s: the worker ends and has to be started "
                    f"again."
                )

    async def see_that_the_log_is(self, known: Log) -> None:
        """Give up when the topic is another one by now; a fresh process reads that.

        Args:
            known: The log that this worker was started for.
        """
        try:
            found = await asyncio.to_thread(self._kafka.log)
        except ConfigurationError:  # it is away; that is said elsewhere
            return
        if found.log_id != known.log_id:
            self.give_up(
                f"The topic was deleted and made again: its log is {found.log_id} now, "
                f"not {known.log_id}. The worker ends and has to be started again."
            )

    def kafka_answers(self, error: BaseException | None) -> None:
        """Note whether Kafka answered the last question."""
        if error is None:
            if self._problems.pop("kafka", None):
                logger.info("Kafka answers again.")
        elif "kafka" not in self._problems:
            self._problems["kafka"] = f"Kafka does not answer: {error!r}"
            logger.error("Kafka does not answer, waiting for it: %r.", error)

    # ---------------------------------------------------------------- partitions

    @property
    def numbers(self) -> set[int]:
        """Return the partitions held."""
        return set(self._partitions)

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
                await self._kafka.seek(places)

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
        self._thread.shutdown(wait=True)

    async def _take_over(self, numbers: set[int]) -> None:
        """Load partitions, again and again until the archive can be read."""
        self._partitions = {}
        pause = 0.5
        while numbers:
            try:
                log = await self._in_thread(self._kafka.log)
                bounds = await self._kafka.bounds(numbers)
                taken = await self._in_thread(self._load, log, bounds)
                await self._kafka.seek({p: h.position for p, h in taken.items()})
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
                    f"written until somebody has looked; restore Kafka's log, or begin "
                    f"with another data directory."
                )
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, try again
                words = f"cannot read the archive or Kafka: {error}"
                self._say_problem("reading", words, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        else:
            return
        self._partitions = taken
        for name in ("partitions", "reading"):
            self._problems.pop(name, None)
        for number, held in taken.items():
            telemetry.TAKEN_IN.labels(str(number)).set(held.position)
        self._measure()
        _settle_memory()

    def _load(self, log: Log, bounds: dict[int, Bounds]) -> dict[int, Partition]:
        if self._tables is None:
            self._tables = (
                tables.callbacks(self._data_dir),
                tables.window_counts(self._data_dir),
            )
        return take_over(log, bounds, self._tables, self._rules)

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
            logger.warning(
                "Partition %d: records before offset %d are missing, fetching again "
                "from %d.",
                chunk.partition,
                chunk.span.start,
                partition.position,
            )
            await self._kafka.seek({chunk.partition: partition.position})
        waiting = sum(p.waiting_rows for p in self._partitions.values())
        if waiting >= self._limits.flush_rows:
            self._flush_wanted.set()
        if waiting >= self._limits.flush_rows * _MOST_FLUSHES_WAITING:
            self._room.clear()
            await self._room.wait()

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
        cuts = [cut for p in self._partitions.values() if (cut := p.cut())]
        if not cuts:
            return True
        if not await self._commit("callbacks", commit_rows, cuts):
            return False
        for cut in cuts:
            cut.partition.archive(cut)
            telemetry.ROWS.inc(len(cut.rows))
            telemetry.COPIES.inc(pc.sum(cut.rows["is_copy"]).as_py() or 0)
        self._measure()
        return True

    async def _flush_counts(self) -> bool:
        """Commit what the cells gained up to the archived positions."""
        gains = [gain for p in self._partitions.values() if (gain := p.gain())]
        if not gains:
            return True
        if not await self._commit("window_counts", commit_counts, gains):
            return False
        for gain in gains:
            gain.partition.count(gain)
        return True

    async def _commit(
        self, name: str, commit: Callable[[Any, Any], None], gained: list[Any]
    ) -> bool:
        began = monotonic()
        try:
            await self._in_thread(commit, self._tables, gained)
        except tables.CommitRefusedError as error:
            answer = Answer.REFUSED
            telemetry.COMMITS.labels(name, "refused").inc()
            logger.warning("Commit refused, beginning again from the tables: %s", error)
        except tables.CommitFailedOrUnknownError as error:
            answer = Answer.UNKNOWN
            telemetry.COMMITS.labels(name, "failed").inc()
            self._say_problem("writing", f"cannot write the archive: {error}", 0.0)
        except asyncio.CancelledError:
            await self._go_on_after(Answer.INTERRUPTED)
            raise
        except Exception as error:
            answer = Answer.UNFORESEEN
            logger.debug("Commit of table %s", name, exc_info=True)
            self.give_up(
                f"Table {name} cannot be written: {error!r}. Nothing is lost: what was "
                f"not committed stays in Kafka; --debug shows where it went wrong."
            )
        else:
            answer = Answer.DONE
            self._problems.pop("writing", None)
            telemetry.COMMITS.labels(name, "done").inc()
            telemetry.COMMIT_SECONDS.labels(name).observe(monotonic() - began)
        await self._go_on_after(answer)
        return answer is Answer.DONE

    async def _go_on_after(self, answer: Answer) -> None:
        then = after_commit(answer)
        if then is Then.BEGIN_AGAIN:
            await self._reset()
        elif then is not Then.GO_ON:
            self._hold_nothing()

    # ------------------------------------------------------------------- helpers

    async def _in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, call, *arguments)

    def positions(self) -> dict[int, int]:
        """Return the archived position of each partition held."""
        return {number: p.archived for number, p in self._partitions.items()}

    def _measure(self) -> None:
        for number, position in self.positions().items():
            telemetry.POSITION.labels(str(number)).set(position)

    def _say_problem(self, name: str, words: str, pause: float) -> None:
        self._problems[name] = words
        logger.error("%s; trying again in %.1f s.", words, pause)

    def _hold_nothing(self) -> None:
        """Forget everything at once: what memory holds may be in a table or not.

        A commit after this would move positions behind rows that it does not have.
        """
        self._partitions = {}
        self._problems["partitions"] = "waiting for partitions"

    def give_up(self, sentence: str) -> None:
        """End the worker; a fresh process begins from the tables."""
        self._hold_nothing()
        self._problems["fatal"] = sentence
        if not self.fatal.done():
            self.fatal.set_result(sentence)


def _settle_memory() -> None:
    """Tell Python's cyclic collector not to look at what is here to stay.

    Going through it again and again cost 2 of 8 µs a callback (measured); records and
    callbacks hold no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
