"""The life of the log that a worker goes on with: begun, numbered, past its gaps."""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from streams import telemetry
from streams.archive import gaps, schema
from streams.archive.table import ArchiveTable, CommitRefusedError
from streams.core import lives, positions
from streams.core.lives import Commit, Life
from streams.core.memory import IdentityMemory
from streams.topics import Log
from streams.worker.commits import Tables, commit_counts
from streams.worker.partition import Partition, Rules
from streams.worker.recall import recall

logger = logging.getLogger(__name__)


def enter(callbacks: ArchiveTable, log: Log) -> tuple[Life, list[Life]]:
    """Return the life that the log is in, and all of them; begin it when it is new.

    Args:
        callbacks: Table callbacks; its snapshot is made fresh.
        log: The log that Kafka has now.

    Raises:
        CommitFailedOrUnknownError: The table cannot be read or written.
    """
    while True:
        callbacks.refresh()
        known = lives.of(callbacks.transactions())
        life = lives.current(known, log.log_id)
        commit = _to_note(known, life, log)
        if commit is None:
            assert life is not None  # noqa: S101 - a new one is always to be noted
            return life, known
        try:
            _commit(callbacks, commit)
        except CommitRefusedError:
            continue  # another worker noted it
        _say(known, life, log)


def _to_note(known: list[Life], life: Life | None, log: Log) -> Commit | None:
    if life is None or not life.number:
        return lives.first_of_topic(known, log.log_id, log.partitions)
    if life.partitions < log.partitions:
        return lives.more_partitions(life, log.partitions)
    return None


def _say(known: list[Life], life: Life | None, log: Log) -> None:
    if life is not None and life.partitions:
        logger.warning(
            "Topic callbacks has %d partitions now, %d before: copies of an event that "
            "came before and after that may be in two partitions, and both count.",
            log.partitions,
            life.partitions,
        )
    elif life is None and known:
        logger.warning(
            "The archive holds log %s; Kafka's is another one, %s: its positions begin "
            "anew.",
            known[-1].log_id,
            log.log_id,
        )


def begin_after_loss(
    both: Tables, old: Life, log: Log, begins: Mapping[int, int]
) -> str:
    """Begin the next life of a topic that has lost archived records; return its id.

    Args:
        both: The two tables, their snapshots fresh.
        old: The life so far.
        log: The log that Kafka has now.
        begins: By partition, the first offset whose record is not the archived one.

    Raises:
        CommitRefusedError: A worker still commits to the old life; look again.
    """
    known = lives.of(both[0].transactions())
    _commit(both[0], lives.after_loss(known, old, log.partitions, begins))
    log_id = lives.next_id(old.log_id)
    moved = {positions.transaction_id(log_id, p): at for p, at in begins.items()}
    counts = Commit(dict.fromkeys(moved, 0), moved)
    both[1].commit(schema.WINDOW_COUNTS.empty_table(), counts.expected, counts.moved)
    return log_id


def pass_gaps(
    callbacks: ArchiveTable, life: Life, log_begins: Mapping[int, int]
) -> None:
    """Move positions past what Kafka deleted unarchived, and record what that was.

    Args:
        callbacks: Table callbacks, its snapshot that of the life.
        life: The life that the log is in.
        log_begins: By partition, the first offset that Kafka still has.
    """
    where = callbacks.site
    # An earlier worker may have moved past a gap and died before it recorded it.
    _tell(gaps.record(where, life, log_begins, datetime.now(UTC)))
    commit = lives.past_gaps(life, log_begins)
    if commit is None:
        return
    _commit(callbacks, commit)
    known = lives.of(callbacks.transactions())
    (after,) = (other for other in known if other.log_id == life.log_id)
    _tell(gaps.record(where, after, log_begins, datetime.now(UTC)))


def _tell(found: Iterable[gaps.Gap]) -> None:
    for gap in found:
        telemetry.LOST.labels(str(gap.partition)).inc(gap.last - gap.first + 1)
        logger.error(
            "Kafka deleted records of partition %d before they were archived: offsets "
            "%d to %d are lost, as table gaps says. Keep a worker running, or keep "
            "records longer (retention.ms of topic callbacks).",
            gap.partition,
            gap.first,
            gap.last,
        )


def _commit(callbacks: ArchiveTable, commit: Commit) -> None:
    callbacks.commit(schema.CALLBACKS.empty_table(), commit.expected, commit.moved)


def count_what_is_over(
    both: Tables, life: Life, known: Iterable[Life], rules: Rules
) -> None:
    """Commit the counts of earlier lives that are archived and not counted yet.

    No worker holds their partitions any more. Of workers that do this at the same time
    one commits, and the others are refused.
    """
    for old in known:
        if old.log_id == life.log_id or old.number >= life.number:
            continue
        counted = {p: both[1].position(old.log_id, p) for p in old.positions}
        behind = {p: at for p, at in counted.items() if at < old.position(p)}
        if not behind:
            continue
        held = {p: _at_its_end(old, p, at) for p, at in behind.items()}
        recall(both[0], old, None, held, rules)
        gains = [gain for partition in held.values() if (gain := partition.gain())]
        try:
            commit_counts(both, gains)
        except CommitRefusedError:
            logger.info("Another worker counts what is left of log %s.", old.log_id)


def _at_its_end(old: Life, number: int, counted: int) -> Partition:
    """Return a partition of which nothing has to be remembered, but counted."""
    at = old.position(number)
    standing = positions.Standing(at, at, counted, at)
    return Partition(number, old.log_id, standing, IdentityMemory(), remembered=at)
