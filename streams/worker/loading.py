"""Loading partitions from the archive, again and again until it can be read."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_not_exception_type,
    wait_random_exponential,
)

from streams.core.lives import Life
from streams.core.positions import CountsAheadError, LogShorterError
from streams.topics import Log
from streams.worker import entering, same_log
from streams.worker.committing import Archive
from streams.worker.condition import Condition
from streams.worker.partition import Partition, Rules
from streams.worker.single_records import Records
from streams.worker.takeover import Bounds, take_over

# Attempts come after up to 1, 2, 4, … seconds, and then within so many.
LONGEST_PAUSE_SECONDS = 30.0
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


class CannotGoOnError(Exception):
    """The worker has to end; the message is the sentence to end with."""


class _MovedMeanwhileError(Exception):
    """Somebody archived records that Kafka got after it was asked for its offsets."""


class Loading:
    """Makes partitions as the tables have them, and fetches from their positions."""

    def __init__(
        self, archive: Archive, kafka: Kafka, rules: Rules, condition: Condition
    ) -> None:
        """Load from this archive."""
        self._archive = archive
        self._kafka = kafka
        self._rules = rules
        self._condition = condition
        self._log_id: str | None = None

    async def load(
        self, numbers: Iterable[int], held: Mapping[int, Partition]
    ) -> dict[int, Partition]:
        """Load partitions; waits until the archive and Kafka answer.

        Args:
            numbers: The partitions.
            held: What is known of them, kept as far as the tables agree.

        Raises:
            CannotGoOnError: Somebody has to look.
        """
        again = AsyncRetrying(
            retry=retry_if_not_exception_type(
                (
                    CannotGoOnError,
                    CountsAheadError,
                    LogShorterError,
                    asyncio.CancelledError,
                )
            ),
            wait=wait_random_exponential(max=LONGEST_PAUSE_SECONDS),
            before_sleep=self._say,
            reraise=True,
        )
        try:
            taken: dict[int, Partition] = await again(self._try, set(numbers), held)
        except CountsAheadError as error:
            raise CannotGoOnError(
                f"{error}: no worker writes this. Restore the two tables of the "
                f"archive from one backup, or begin with another data directory."
            ) from error
        except LogShorterError as error:
            raise CannotGoOnError(
                f"{error}: Kafka has lost records that are archived. Nothing is "
                f"written until somebody has looked: restore Kafka's log, or go on "
                f"with what it has by `undelivered work --accept-log-loss`."
            ) from error
        self._condition.can("reading")
        _settle_memory()
        return taken

    def _say(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        words = f"cannot read the archive or Kafka: {str(error) or repr(error)}"
        self._condition.cannot("reading", words)

    async def _try(
        self, numbers: set[int], held: Mapping[int, Partition]
    ) -> dict[int, Partition]:
        log = await self._archive.call(self._kafka.log)
        self._require_the_same(log)
        life = await self._archive.call(self._life, log)
        # Kafka's offsets are asked for behind the positions: they are never behind.
        bounds = await self._kafka.bounds(numbers)
        taken = await self._archive.call(self._take_over, log, life, bounds, held)
        await self._kafka.seek({number: p.position for number, p in taken.items()})
        return taken

    def _require_the_same(self, log: Log) -> None:
        """Require the log that was loaded first: chunks of it may be on their way.

        Raises:
            CannotGoOnError: It is another one.
        """
        self._log_id = self._log_id or log.log_id
        if log.log_id != self._log_id:
            raise CannotGoOnError(
                f"The topic was deleted and made again: its log is {log.log_id} now, "
                f"not {self._log_id}. The worker ends and has to be started again."
            )

    def _life(self, log: Log) -> Life:
        return entering.enter(self._archive.tables()[0], log)[0]

    def _take_over(
        self,
        log: Log,
        life: Life,
        bounds: dict[int, Bounds],
        held: Mapping[int, Partition],
    ) -> dict[int, Partition]:
        both = self._archive.tables()
        same_log.require(both[0], life, bounds, self._kafka.records)
        try:
            return take_over(log, bounds, both, self._rules, held)
        except LogShorterError as error:
            raise _MovedMeanwhileError(str(error)) from error


def _settle_memory() -> None:
    """Tell Python's cyclic collector not to look at what is here to stay.

    Going through it again and again cost 2 of 8 µs a callback (measured); records and
    callbacks hold no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
