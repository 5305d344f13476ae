"""What a worker knows of a partition it takes over: all of it from the tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.archive import schema
from streams.archive.reading import rows_to_recover
from streams.archive.table import ArchiveTable
from streams.core import identity, lives, positions
from streams.core.lives import Life
from streams.core.memory import IdentityMemory, oldest_held_us
from streams.topics import Log
from streams.worker import entering
from streams.worker.partition import Partition, Rules

# Behind every offset.
_NOT_COUNTED = 2**63 - 1


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
    begins = {p: bound.begin for p, bound in bounds.items()}
    entering.pass_gaps(callbacks, entering.enter(callbacks, log)[0], begins)
    # Q before P: a commit between the two reads then cannot make Q > P.
    window_counts.refresh()
    life, known = entering.enter(callbacks, log)
    entering.count_what_is_over(tables, life, known, rules)
    counted = {p: window_counts.position(life.log_id, p) for p in bounds}
    archived = {p: life.position(p) for p in bounds}
    starts = {
        p: positions.start(archived[p], counted[p], bound.begin, bound.end)
        for p, bound in bounds.items()
    }
    held = {p: start.count_from for p, start in starts.items() if archived[p] > 0}
    rows = rows_to_recover(callbacks, life.log_id, held)
    earlier = _rows_before(callbacks, lives.before(known, life), bounds, rows)
    return {
        p: _partition(_empty(life, p, start), earlier.get(p), rows.get(p), rules)
        for p, start in starts.items()
    }


def _rows_before(
    callbacks: ArchiveTable,
    previous: Life | None,
    partitions: Iterable[int],
    rows: Mapping[int, pa.Table],
) -> dict[int, pa.Table]:
    """Read the rows of the life before that the memory may have to hold still."""
    if previous is None:
        return {}
    latest_us = _latest_us(callbacks, previous.log_id)
    needed = {
        partition: _NOT_COUNTED
        for partition in partitions
        if latest_us >= oldest_held_us(_log_time_us(rows.get(partition)))
    }
    return rows_to_recover(callbacks, previous.log_id, needed)


def _latest_us(callbacks: ArchiveTable, log_id: str) -> int:
    """Return a time that no row of a log is later than."""
    found = [
        pa.scalar(file["max.received_at"], schema.UTC_MICROSECONDS).value
        for file in callbacks.files()
        if file["min.log_id"] <= log_id <= file["max.log_id"]
    ]
    return max(found, default=-1)


def _log_time_us(rows: pa.Table | None) -> int:
    if rows is None or not len(rows):
        return 0
    return int(pc.max(pc.cast(rows["received_at"], pa.int64())).as_py())


def _empty(life: Life, number: int, start: positions.Start) -> Partition:
    standing = positions.taken_over(start, life.position(number))
    partition = Partition(number, life.log_id, standing, IdentityMemory())
    partition.empty, partition.last = life.empty(number), life.last(number)
    return partition


def _partition(
    partition: Partition, earlier: pa.Table | None, rows: pa.Table | None, rules: Rules
) -> Partition:
    """Bring a partition's memory and counts up from archived rows.

    Args:
        partition: As it begins.
        earlier: Rows of the life before; they are remembered, and counted already.
        rows: Its own rows.
        rules: How rows are counted.
    """
    if earlier is not None and len(earlier):
        _remember(partition.memory, earlier)
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
