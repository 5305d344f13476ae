"""What an import of messages sent did, as rows and as sentences."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from streams.warehouse.rows import Rows, one


@dataclass(slots=True)
class Summary:
    """What an import did.

    Attributes:
        files: How many were read.
        recognised: How many files of each kind, in words.
        messages: Messages read, one for each number that one was sent to.
        imported: Those of them that are new in the table.
        too_old: Messages left out: their callbacks are not kept any more.
        received: Records left out: a message that came in.
        unreadable: Records that make no sense.
        unreadable_kept: Those of them that are new in the table.
        places: What is wrong with the first of them, and where.
        problems: Files and lines that came to nothing, each in a sentence.
        seconds: How long it took.
        was_interrupted: It was ended before it was done.
    """

    files: int = 0
    recognised: str = ""
    messages: int = 0
    imported: int = 0
    too_old: int = 0
    received: int = 0
    unreadable: int = 0
    unreadable_kept: int = 0
    places: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    was_interrupted: bool = False


def rows(summary: Summary) -> Rows:
    """Return the summary as one row."""
    columns: dict[str, tuple[str, Any]] = {
        "files": ("BIGINT", summary.files),
        "recognised": ("VARCHAR", summary.recognised),
        "messages": ("BIGINT", summary.messages),
        "imported": ("BIGINT", summary.imported),
        "already_imported": ("BIGINT", summary.messages - summary.imported),
        "too_old": ("BIGINT", summary.too_old),
        "received": ("BIGINT", summary.received),
        "unreadable": ("BIGINT", summary.unreadable),
        "unreadable_kept": ("BIGINT", summary.unreadable_kept),
        "seconds": ("DOUBLE", round(summary.seconds, 3)),
        "first_unreadable": ("VARCHAR[]", summary.places),
        "problems": ("VARCHAR[]", summary.problems),
    }
    return one(columns)


def notes(summary: Summary) -> Iterator[str]:
    """Yield what a person has to know, a sentence each."""
    for problem in summary.problems:
        yield f"Not imported: {problem}."
    for place in summary.places:
        yield f"Cannot be read: {place}"
    if summary.unreadable:
        yield (
            f"Records that cannot be read: {summary.unreadable:,}. They are kept; see "
            f'them with undelivered sql "from sent_unreadable".'
        )
    if summary.was_interrupted:
        yield "Interrupted: run it again; what is imported by then is left out."
    elif summary.imported:
        yield (
            "What became of them: undelivered report reconciliation --since all, and "
            "report messages_without_any_event."
        )
