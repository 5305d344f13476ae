"""What a log of messages sent consists of, in whatever form it is written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

# Number and bytes of one line after the other.
Lines = Iterator[tuple[int, bytes]]


class Record(NamedTuple):
    """One line, or lines that belong together.

    Attributes:
        line: The number of the first, from 1.
        raw: The bytes as they are.
        values: Value by field of ``core.sent.NAMES``; None when it cannot be read.
        problem: Why it cannot.
    """

    line: int
    raw: bytes
    values: Mapping[str, object] | None
    problem: str | None = None


@dataclass(slots=True)
class Content:
    """What is in one file.

    Attributes:
        kind: What it is recognised as.
        columns: Column by field, where a header says it once for all lines.
        records: Gives its records, one by one. Raises UnusableError when the file turns
            out to be damaged.
    """

    kind: str
    columns: Mapping[str, str]
    records: Iterator[Record]

    def __str__(self) -> str:
        """Say what the file is, and which column is taken for what."""
        read_as = [f"{field} = {name!r}" for field, name in self.columns.items()]
        return ", ".join([self.kind, *read_as])
