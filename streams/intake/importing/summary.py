"""What an import did, as rows and as sentences."""

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
        callbacks: Readable callbacks read.
        already_archived: Those of them left out: the archive has the event.
        parked: Elements and bodies that cannot be read, and were sent to be parked.
        already_parked: Those left out: an earlier import parked them.
        sent: Callbacks and parked elements that Kafka has acknowledged.
        places: What is wrong with the first ones parked, and where.
        problems: Files and lines that came to nothing, each in a sentence.
        seconds: How long reading and sending took.
        was_interrupted: It was ended before it was done.
    """

    files: int = 0
    recognised: str = ""
    callbacks: int = 0
    already_archived: int = 0
    parked: int = 0
    already_parked: int = 0
    sent: int = 0
    places: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    was_interrupted: bool = False

    @property
    def rate(self) -> int:
        """Return callbacks a second."""
        return round(self.callbacks / self.seconds) if self.seconds else 0


def rows(summary: Summary) -> Rows:
    """Return the summary as one row."""
    columns: dict[str, tuple[str, Any]] = {
        "files": ("BIGINT", summary.files),
        "recognised": ("VARCHAR", summary.recognised),
        "callbacks": ("BIGINT", summary.callbacks),
        "already_archived": ("BIGINT", summary.already_archived),
        "parked": ("BIGINT", summary.parked),
        "already_parked": ("BIGINT", summary.already_parked),
        "sent": ("BIGINT", summary.sent),
        "seconds": ("DOUBLE", round(summary.seconds, 3)),
        "callbacks_per_second": ("BIGINT", summary.rate),
        "first_parked": ("VARCHAR[]", summary.places),
        "problems": ("VARCHAR[]", summary.problems),
    }
    return one(columns)


def notes(summary: Summary) -> Iterator[str]:
    """Yield what a person has to know, a sentence each."""
    for problem in summary.problems:
        yield f"Not imported: {problem}."
    for place in summary.places:
        yield f"Parked: {place}"
    if summary.was_interrupted:
        yield (
            "Interrupted: what was sent is in Kafka. Run it again: what is archived by "
            "then is left out."
        )
