"""What a worker knows of a partition it takes over: all of it from the tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from streams.archive.table import ArchiveTable
from streams.core import lives, positions
from streams.core.lives import Life
from streams.core.memory import IdentityMemory
from streams.topics import Log
from streams.worker import entering
from streams.worker.partition import Partition, Rules
from streams.worker.recall import recall

_NOTHING: Mapping[int, Partition] = {}


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
    held: Mapping[int, Partition] = _NOTHING,
) -> dict[int, Partition]:
    """Make the partitions as the two tables have them.

    Args:
        log: The log that Kafka has now.
        bounds: Kafka's offsets by partition to take over.
        tables: Table callbacks and table window_counts.
        rules: How rows are counted.
        held: What this worker held of them until now; kept as far as the tables agree.

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
    taken = {
        p: _kept(held.get(p), life, start) or _begun(held.get(p), life, p, start)
        for p, start in starts.items()
    }
    new = {
        p: partition for p, partition in taken.items() if partition is not held.get(p)
    }
    recall(callbacks, life, lives.before(known, life), new, rules)
    return taken


def _kept(
    held: Partition | None, life: Life, start: positions.Start
) -> Partition | None:
    """Return a partition that is as the tables say, so that all of it is kept."""
    if held is None or held.log_id != life.log_id:
        return None
    archived = life.position(held.number)
    agrees = positions.may_keep(held.standing, archived, start.count_from)
    return held if agrees and start.position == archived else None


def _begun(
    held: Partition | None, life: Life, number: int, start: positions.Start
) -> Partition:
    """Return a partition at its position, with the memory that is at hand."""
    archived = life.position(number)
    standing = positions.taken_over(start, archived)
    partition = Partition(number, life.log_id, standing, IdentityMemory())
    partition.empty, partition.last = life.empty(number), life.last(number)
    if held is None or held.log_id != life.log_id:
        return partition
    partition.chain = held.chain
    if positions.has_seen_no_more(held.standing, archived):
        partition.memory, partition.remembered = held.memory, held.position
        # They stay with what was held: this takeover may not come to its end.
        held.entered += held.memory.take_entered()
        partition.entered = list(held.entered)
    return partition
