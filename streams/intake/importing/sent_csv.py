"""A log of messages sent as CSV: a header, then a record a line, or over several."""

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from streams.core import sent
from streams.intake.importing.sent_log import Content, Lines, Record
from streams.intake.importing.sources import UnusableError

DELIMITERS = (",", ";", "\t", "|")
# More is a quote that nobody closes.
LONGEST_RECORD_BYTES = 64 << 10
_SHOWN_COLUMNS = 12


class _TooLongError(Exception):
    """A record goes on and on."""


class _Feeder:
    """Gives a csv.reader lines, and remembers those of the record that it reads."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._again: deque[tuple[int, bytes]] = deque()
        self.taken: list[tuple[int, bytes]] = []
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._size > LONGEST_RECORD_BYTES:
            raise _TooLongError
        number, line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append((number, line))
        self._size += len(line) + 1
        text = line.removesuffix(b"\r").decode("utf-8", "surrogateescape")
        return f"{text}\n"

    def begin(self) -> None:
        """Begin with the next record."""
        self.taken, self._size = [], 0

    def give_back(self, keeping: int) -> None:
        """Give lines of the record once more, but for the first ones."""
        self._again.extendleft(reversed(self.taken[keeping:]))
        self.begin()


def content_of(lines: Lines, chosen: Mapping[str, str]) -> Content:
    """Take a log apart.

    Args:
        lines: At least one.
        chosen: Column by field, as a person says.

    Raises:
        UnusableError: The first record is no header that says where a message is.
    """
    feeder = _Feeder(lines)
    delimiter = _delimiter(feeder, chosen)
    header = _header(feeder, delimiter)
    columns = sent.columns_of(header, chosen)
    _require(columns, header)
    places = {field: header.index(name) for field, name in columns.items()}
    reader = csv.reader(feeder, delimiter=delimiter, strict=True)
    return Content("CSV", columns, _records(reader, feeder, len(header), places))


def _delimiter(feeder: _Feeder, chosen: Mapping[str, str]) -> str:
    """Choose the delimiter by which the header has most columns that are known."""

    def known(delimiter: str) -> int:
        try:
            header = _header(feeder, delimiter)
        except UnusableError:
            header = []
        feeder.give_back(keeping=0)
        found = sent.columns_of(header, {})
        return len(found) + sum(name in header for name in chosen.values())

    return max(DELIMITERS, key=known)


def _header(feeder: _Feeder, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader(feeder, delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration, _TooLongError) as error:
        raise UnusableError(
            "begins neither with JSON nor with a header of CSV that can be read"
        ) from error
    return [name.strip() for name in cells]


def _require(columns: Mapping[str, str], header: Sequence[str]) -> None:
    there = ", ".join(map(repr, header[:_SHOWN_COLUMNS]))
    for field in sent.REQUIRED:
        if field not in columns:
            raise UnusableError(
                f"no column is known as {field}; there are {there}: name it with "
                f"--column {field}=NAME"
            )
    for field, name in columns.items():
        if name not in header:
            raise UnusableError(
                f"there is no column {name!r} for {field}; there are {there}"
            )


def _records(
    reader: Iterator[list[str]],
    feeder: _Feeder,
    width: int,
    places: Mapping[str, int],
) -> Iterator[Record]:
    while True:
        feeder.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLongError) as error:
            # Whatever follows a quote that is not closed is read by itself.
            number, raw = feeder.taken[0]
            feeder.give_back(keeping=1)
            yield Record(number, raw, None, _problem(error))
            continue
        if cells:
            number = feeder.taken[0][0]
            raw = b"\n".join(line for _, line in feeder.taken)
            yield _record(number, raw, cells, width, places)


def _problem(error: Exception) -> str:
    what = "a quote is not closed" if isinstance(error, _TooLongError) else str(error)
    return f"no CSV: {what}"


def _record(
    number: int, raw: bytes, cells: list[str], width: int, places: Mapping[str, int]
) -> Record:
    if any(cells[width:]):
        return Record(
            number, raw, None, f"{len(cells)} cells, but the header has {width}"
        )
    values = {
        field: cells[place] if place < len(cells) else None
        for field, place in places.items()
    }
    return Record(number, raw, values)
