"""What a chunk may do, where a partition starts, what a commit must expect.

A position is the offset of the next record to take in. The positions of the two tables
are the only ones that count: P of table callbacks, Q of table window_counts, Q <= P.
Every decision of the protocol is made here, on numbers; the worker's room moves data.
Why each is needed, and which test fails without it: docs/exactly-once.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum


class Verdict(Enum):
    """What to do with a chunk of fetched records."""

    ACCEPT = "accept"  # all of it is next
    TRIM = "trim"  # its first records are taken in already
    DROP = "drop"  # all of it is taken in already, or the partition is not ours
    SEEK = "seek"  # records before it are missing: fetch again from the position


@dataclass(frozen=True, slots=True)
class Span:
    """The offsets a chunk stands for.

    It holds every record of ``[start, end)`` that exists; offsets that transactions or
    compaction left empty belong to it too.
    """

    start: int
    end: int


def spanned(first: int, last: int, before: int | None, after: int | None) -> Span:
    """Return the offsets that fetched records stand for.

    Args:
        first: Offset of the first record.
        last: Offset of the last record.
        before: Where the fetch continued; None when that is not known.
        after: Where the next fetch will continue; None when that is not known.
    """
    begin = first if before is None else min(before, first)
    return Span(begin, max(last + 1, after or 0))


def judge(span: Span, position: int | None) -> Verdict:
    """Say what a chunk may do.

    Args:
        span: The chunk's offsets.
        position: Offset of the next record to take in; None when the partition is not
            held.
    """
    if position is None or span.end <= position:
        return Verdict.DROP
    if span.start > position:
        return Verdict.SEEK
    return Verdict.TRIM if span.start < position else Verdict.ACCEPT


class CountsAheadError(Exception):
    """Table window_counts is ahead of table callbacks, which no crash can cause."""


class LogShorterError(Exception):
    """Kafka's log ends before the archive does: records were lost by the broker."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a partition starts after an assignment.

    Attributes:
        position: Offset to fetch from.
        count_from: Archived records from here to the archived position have to be
            counted again: table window_counts does not have them yet.
        lost: How many records Kafka deleted before they were archived.
    """

    position: int
    count_from: int
    lost: int


def start(archived: int, counted: int, log_begin: int, log_end: int) -> Start:
    """Return where a partition starts.

    Args:
        archived: P, the position of table callbacks; 0 when it has none.
        counted: Q, the position of table window_counts, read before P.
        log_begin: The first offset that Kafka still has.
        log_end: The offset that Kafka gives the next record.

    Raises:
        LogShorterError: The log ends before P.
        CountsAheadError: Q is beyond P.
    """
    if counted > archived:
        raise CountsAheadError(
            f"counted position {counted} is beyond archived {archived}"
        )
    if log_end < archived:
        raise LogShorterError(
            f"Kafka's log ends at offset {log_end}, the archive at {archived}"
        )
    return Start(max(archived, log_begin), counted, max(0, log_begin - archived))


@dataclass(frozen=True, slots=True)
class Move:
    """What a commit expects of a partition's position, and where it moves it."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a partition that is held stands; counted <= archived <= position.

    Attributes:
        position: Offset of the next record to take in: the identity memory has seen
            everything below it.
        archived: P as the last successful commit, or the takeover, left it.
        counted: Q, the same of table window_counts.
        began: The position at the takeover: P, or the first offset that Kafka still had
            where it deleted records before they were archived.
    """

    position: int
    archived: int
    counted: int
    began: int

    def took_in(self, span: Span) -> "Standing":
        """Return where it stands when a chunk is taken in as far as it is next."""
        return replace(self, position=span.end)

    def committed_rows(self, move: Move) -> "Standing":
        """Return where it stands when table callbacks has a move."""
        return replace(self, archived=move.after)

    def committed_counts(self, move: Move) -> "Standing":
        """Return where it stands when table window_counts has a move."""
        return replace(self, counted=move.after)


def taken_over(begun: Start, archived: int) -> Standing:
    """Return where a partition stands right after its takeover from position P."""
    return Standing(begun.position, archived, begun.count_from, begun.position)


def move_of_rows(standing: Standing, *, has_rows: bool) -> Move | None:
    """Return how a commit moves P, or None when nothing was gained.

    Args:
        standing: Where the partition stands.
        has_rows: Rows taken in since the last commit are at hand.

    Raises:
        ValueError: The position would move behind rows that are not here.
    """
    if standing.position == standing.archived:
        return None
    if not has_rows and standing.position != standing.began:
        raise ValueError(f"no rows up to position {standing.position}")
    return Move(standing.archived, standing.position)


def move_of_counts(standing: Standing) -> Move | None:
    """Return how a commit moves Q: to P, never to a record that is only in memory."""
    if standing.archived == standing.counted:
        return None
    return Move(standing.counted, standing.archived)


def may_keep(standing: Standing, archived: int, counted: int) -> bool:
    """Tell whether memory and counts may be kept when a partition is assigned again.

    They may where nothing was taken in since the last commit and nobody has moved
    either position; else both are made again from the archive.

    Args:
        standing: Where the partition stood when it was let go.
        archived: P as the table has it now.
        counted: Q as the table has it now.
    """
    return (
        standing.position == archived
        and standing.archived == archived
        and standing.counted == counted
    )


def has_seen_no_more(standing: Standing, archived: int) -> bool:
    """Tell whether a memory holds what is archived only, and can be brought up to P.

    What was taken in and not committed may have been passed as a gap by somebody else.

    Args:
        standing: Where the partition stood when it was let go.
        archived: P as the table has it now.
    """
    return standing.position == standing.archived <= archived


class Answer(Enum):
    """How a commit ended."""

    DONE = "done"
    REFUSED = "refused"  # a position has moved: somebody else holds the partition
    UNKNOWN = "unknown"  # it failed, or its answer was lost: only the table knows
    INTERRUPTED = "interrupted"  # nobody waits for it any more; it may still be made
    UNFORESEEN = "unforeseen"  # an error that nobody thought of


class Then(Enum):
    """What to do after a commit."""

    GO_ON = "go on"
    BEGIN_AGAIN = "begin again"  # from what the tables have: see Fate
    HOLD_NOTHING = "hold nothing"  # until the next assignment
    END = "end"  # only a fresh process is sure to be right


_AFTER = {
    Answer.DONE: Then.GO_ON,
    Answer.REFUSED: Then.BEGIN_AGAIN,
    Answer.UNKNOWN: Then.BEGIN_AGAIN,
    Answer.INTERRUPTED: Then.HOLD_NOTHING,
    Answer.UNFORESEEN: Then.END,
}


def after_commit(answer: Answer) -> Then:
    """Say what to do after a commit; it is never tried again before a look."""
    return _AFTER[answer]


class Fate(Enum):
    """What the table says became of a move whose commit was refused or not answered."""

    MADE = "made"  # it is in the table, and only the answer was lost
    NOT_MADE = "not made"  # what was gained still follows the position: commit it again
    OVERTAKEN = "overtaken"  # somebody else has moved it: make memory and counts again


def fate_of(move: Move, found: int, answer: Answer) -> Fate:
    """Say what became of a move.

    Where it was refused and the position is the one moved to, somebody else moved it:
    perhaps without the rows, past what Kafka had deleted by then.

    Args:
        move: What the commit expected, and where it was to move the position.
        found: The position in a snapshot that was read after the commit had ended.
        answer: How the commit ended.
    """
    if found == move.after and answer is not Answer.REFUSED:
        return Fate.MADE
    return Fate.NOT_MADE if found == move.before else Fate.OVERTAKEN


def transaction_id(log_id: str, partition: int) -> str:
    """Return the name under which a table keeps a partition's position."""
    return f"{log_id}/{partition}"


def moved(
    expected: Mapping[str, int], found: Mapping[str, int]
) -> dict[str, tuple[int, int]]:
    """Return the positions that somebody else has moved since they were read.

    A commit is allowed only when this is empty.

    Args:
        expected: Position by transaction id that the rows of the commit continue.
        found: Position by transaction id in the very snapshot it is written against;
            one that is absent is 0.
    """
    return {
        name: (position, found.get(name, 0))
        for name, position in expected.items()
        if found.get(name, 0) != position
    }
