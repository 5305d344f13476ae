"""Going on after a broker was away: it may have come back without its last records."""

import asyncio
import logging
from collections.abc import Iterable

from streams.settings import ConfigurationError
from streams.worker.chunk import Chunk
from streams.worker.holding import Holding
from streams.worker.partition import Partition

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.5


class Resuming:
    """Compares the last record taken in with Kafka's when a connection is a new one.

    New records may have been written over the lost ones by then, so that offsets alone
    do not tell.
    """

    def __init__(self, holding: Holding) -> None:
        """Look at what is held."""
        self._holding = holding

    async def look(self, chunks: Iterable[Chunk]) -> None:
        """End the worker if Kafka has lost what was taken in; archive that before.

        Args:
            chunks: What is to be taken in next.
        """
        for chunk in chunks:
            partition = self._holding.partitions.get(chunk.partition)
            if (
                chunk.is_resumed
                and partition is not None
                and partition.last_ms is not None
                and not await self._has_last(partition)
            ):
                await self._end(partition)

    async def _has_last(self, partition: Partition) -> bool:
        while True:
            try:
                return await self._ask(partition.number, partition)
            except (ConfigurationError, TimeoutError) as error:
                logger.debug("Kafka does not say what it has: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _ask(self, number: int, partition: Partition) -> bool:
        last, last_ms = partition.last, partition.last_ms
        found = await asyncio.to_thread(self._read, number, last)
        if found == (last, last_ms):
            return True
        # Kafka may have deleted it for its age meanwhile.
        return (await self._holding.kafka.bounds({number}))[number].begin > last

    def _read(self, number: int, offset: int) -> tuple[int, int] | None:
        with self._holding.kafka.records() as records:
            record = records.at({number: offset}).get(number)
        return None if record is None else (record.offset, record.timestamp)

    async def _end(self, partition: Partition) -> None:
        number, last = partition.number, partition.last
        await self._holding.revoke()
        self._holding.give_up(
            f"Kafka no longer has the record at offset {last} of partition {number} "
            f"that this worker has taken in: it has lost records. The worker ends; at "
            f"its start it says what to do."
        )
