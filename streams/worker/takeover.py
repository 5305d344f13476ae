"""What a worker knows of a partition it takes over: all of it from the tables."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.archive.reading import rows_to_recover
from streams.archive.table import ArchiveTable
from streams.core import identity, positions
from streams.core.memory import IdentityMemory
from streams.topics import Log
from streams.worker.partition import Partition, Rules

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The first offset that Kafka still has of a partition, and its next one."""

    begin: int
    end: int


def take_over(
    log: Log,
    bounds: Mapping[int, Bounds],
    tables: tuple[ArchiveTable, ArchiveTable],
    rules: Rules,
) -> dict[int, Partition]:
    """Make the partitions as the two tables have them.

    Args:
        log: The log that Kafka has now.
        bounds: Kafka's offsets by partition to take over.
        tables: Table callbacks and table window_counts.
        rules: How rows are counted.

    Returns:
        The partitions by number, each with its positions, identity memory and the
        counts from Q to P.

    Raises:
        positions.LogShorterError: Kafka has lost records that are archived.
    """
    callbacks, window_counts = tables
    # Q before P: a commit between the two reads then cannot make Q > P.
    window_counts.refresh()
    counted = {p: window_counts.position(log.log_id, p) for p in bounds}
    callbacks.refresh()
    archived = {p: callbacks.position(log.log_id, p) for p in bounds}
    starts = {
        p: positions.start(archived[p], counted[p], bound.begin, bound.end)
        for p, bound in bounds.items()
    }
    for number, start in starts.items():
        if start.lost:
            logger.error(
                "Kafka deleted %d records of partition %d before they were archived: "
                "offsets %d to %d are lost. Keep a worker running, or keep records "
                "longer (retention.ms of topic callbacks).",
                start.lost,
                number,
                archived[number],
                start.position - 1,
            )
    held = {p: start.count_from for p, start in starts.items() if archived[p] > 0}
    rows = rows_to_recover(callbacks, log.log_id, held)
    return {
        p: _partition(_empty(log.log_id, p, archived[p], start), rows.get(p), rules)
        for p, start in starts.items()
    }


def _empty(
    log_id: str, number: int, archived: int, start: positions.Start
) -> Partition:
    standing = positions.taken_over(start, archived)
    return Partition(number, log_id, standing, IdentityMemory())


def _partition(partition: Partition, rows: pa.Table | None, rules: Rules) -> Partition:
    """Bring a partition's memory and counts up from its archived rows."""
    if rows is not None and len(rows):
        _remember(partition.memory, rows)
        uncounted = pc.greater_equal(rows["kafka_offset"], partition.counted)
        partition.archived_cells.append(rules.count(rows.filter(uncounted)))
    return partition


def _remember(memory: IdentityMemory, rows: pa.Table) -> None:
    """Bring the memory up; copies and parked rows only move the log's time."""
    enters = pc.and_(pc.invert(rows["is_copy"]), pc.is_null(rows["problem"]))
    identities = np.where(enters.to_numpy(), identity.hashes(rows), 0)
    received = pc.cast(rows["received_at"], pa.int64()).to_numpy()
    memory.take_in(identities.astype(np.uint64), received)
