"""What partitions remember is saved from time to time, beside the tables."""

import asyncio
import itertools
import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from time import monotonic

import numpy as np

from streams.archive.remembered import UnusableSegmentError
from streams.archive.remembered_chain import Chain
from streams.core.identity import Hashes
from streams.core.memory import GENERATION_US
from streams.worker.partition import Partition

logger = logging.getLogger(__name__)

SAVE_SECONDS = 300.0
TRY_AGAIN_SECONDS = 60.0
# So many are read back from the table within about two seconds.
_EVENTS_BETWEEN = 500_000


@dataclass(frozen=True, slots=True)
class Save:
    """What is to be written of a partition: what entered up to its archived position.

    Attributes:
        chain: Where it is appended to.
        end: The position.
        log_time_us: The log's time there, microseconds.
        parts: Identities by generation.
    """

    chain: Chain
    end: int
    log_time_us: int
    parts: dict[int, list[Hashes]]


class Saving:
    """Saves when it is time or when much was archived since; one save at a time."""

    def __init__(self) -> None:
        """Begin as if everything were saved."""
        self._saved_at = monotonic()
        self._failed_at = float("-inf")
        self._running: asyncio.Task[None] | None = None

    def look(self, partitions: Collection[Partition]) -> None:
        """Begin to save when it is due; nothing may be in the midst of a commit."""
        if self._running is not None and not self._running.done():
            return
        if monotonic() - self._failed_at < TRY_AGAIN_SECONDS:
            return
        entered = sum(len(hashes) for p in partitions for _, hashes in p.entered)
        due = monotonic() - self._saved_at >= SAVE_SECONDS
        found: list[Save] = []
        if due or entered >= _EVENTS_BETWEEN:
            self._saved_at = monotonic()
            found = list(gather(p for p in partitions if _has_chain(p)))
        if not found:
            # All that is remembered is copied for it: of one partition at a time.
            whole = gather(p for p in partitions if not _has_chain(p))
            found = list(itertools.islice(whole, 1))
        if found:
            self._running = asyncio.create_task(self.write(found))

    async def finish(self) -> None:
        """Wait for the save that is being made."""
        if self._running is not None:
            await self._running

    async def write(self, saves: Iterable[Save]) -> None:
        """Write to the disk, off the loop; what fails makes a takeover take longer."""
        left = iter(saves)
        try:
            for save in left:
                await asyncio.to_thread(
                    save.chain.append, save.end, save.log_time_us, save.parts
                )
        except (OSError, UnusableSegmentError) as error:
            self._failed_at = monotonic()
            logger.warning(
                "What is remembered cannot be saved (%s): a takeover will read the "
                "archive instead, and take longer.",
                error,
            )
        finally:
            # What was taken out of a partition must not be missing in its chain.
            for save in left:
                save.chain.forget()


def gather(partitions: Iterable[Partition]) -> Iterator[Save]:
    """Take out of partitions what is to be saved."""
    return filter(None, map(_save, partitions))


def _has_chain(partition: Partition) -> bool:
    return partition.chain is not None and partition.chain.end > 0


def _save(partition: Partition) -> Save | None:
    chain, end = partition.chain, partition.archived
    if chain is None or chain.end >= end:
        return None
    parts: dict[int, list[Hashes]] = {}
    if chain.end:
        for generation, hashes in partition.entered:
            parts.setdefault(generation, []).append(hashes)
    else:
        later = partition.log_time_us // GENERATION_US
        if partition.memory.log_time_us // GENERATION_US != later:
            return None  # it has forgotten what at P it still knew; after the next P
        beyond: dict[int, list[Hashes]] = {}
        for generation, hashes in partition.memory.entered():
            beyond.setdefault(generation, []).append(hashes)
        for generation, hashes in partition.memory.generations().items():
            parts[generation] = [_without(hashes, beyond.get(generation, []))]
    partition.entered = []
    return Save(chain, end, partition.log_time_us, parts)


def _without(hashes: Hashes, others: list[Hashes]) -> Hashes:
    if not others:
        return hashes
    return hashes[np.isin(hashes, np.concatenate(others), invert=True)]
