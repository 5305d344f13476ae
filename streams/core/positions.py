"""What a chunk may do, where a partition starts, what a commit must expect.

A position is the offset of the next record to take in. The positions of the two tables
are the only ones that count: P of table callbacks, Q of table window_counts, Q <= P.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
