"""Series: one value of every dimension but time; cells as columns of numbers.

A million cells as Python objects would take 300 MB; as a minute, a number of a series
and a count each they take 16.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streams.core import windows

Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Value = str | int | None
DIMENSIONS = tuple(name for name in windows.DIMENSIONS if name != "window_start")

_FIRST_CAPACITY = 256
_LARGEST_KEY = 1 << 62


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts, or differences of counts, as columns; a cell may occur more than once.

    Attributes:
        minutes: N window starts, whole minutes since 1970 UTC.
        series: N numbers of a series.
        events: N counts; negative where something is taken back.
    """

    minutes: Numbers
    series: Codes
    events: Numbers

    def __len__(self) -> int:
        """Return N."""
        return len(self.minutes)

    def between(self, since: int, until: int) -> "Cells":
        """Return the cells of a half-open range of minutes."""
        return self.where((self.minutes >= since) & (self.minutes < until))

    def where(self, mask: npt.NDArray[np.bool_]) -> "Cells":
        """Return the cells that a mask of N has."""
        return Cells(self.minutes[mask], self.series[mask], self.events[mask])


def cells_of(
    minutes: Sequence[int], series: Sequence[int], events: Sequence[int]
) -> Cells:
    """Make cells of Python numbers."""
    return Cells(
        np.array(minutes, np.int64),
        np.array(series, np.int32),
        np.array(events, np.int64),
    )


def joined(parts: Sequence[Cells]) -> Cells:
    """Put cells one after another; nothing is added up."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return cells_of([], [], [])
    return Cells(
        np.concatenate([part.minutes for part in parts]),
        np.concatenate([part.series for part in parts]),
        np.concatenate([part.events for part in parts]),
    )


def summed(cells: Cells) -> Cells:
    """Add up what belongs to one cell; cells without events are left out."""
    keys, places = np.unique(
        cells.minutes << 32 | cells.series.astype(np.int64), return_inverse=True
    )
    events = np.zeros(len(keys), np.int64)
    np.add.at(events, places, cells.events)
    total = Cells(keys >> 32, (keys & 0xFFFFFFFF).astype(np.int32), events)
    return total.where(events != 0)


class SeriesBook:
    """Numbers series in the order in which they are first seen."""

    def __init__(self) -> None:
        """Begin with none."""
        self._numbers: dict[tuple[int, ...], int] = {}
        self._codes_of: dict[str, dict[Value, int]] = {d: {} for d in DIMENSIONS}
        self._values: dict[str, list[Value]] = {d: [] for d in DIMENSIONS}
        self._codes = np.empty((_FIRST_CAPACITY, len(DIMENSIONS)), np.int32)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._numbers)

    def copy(self) -> "SeriesBook":
        """Return a book that begins as this one is now."""
        other = SeriesBook()
        other._numbers = dict(self._numbers)
        other._codes_of = {d: dict(codes) for d, codes in self._codes_of.items()}
        other._values = {d: list(values) for d, values in self._values.items()}
        other._codes = self._codes.copy()
        return other

    def number(self, values: Sequence[Value]) -> int:
        """Return the number of a series, given its values in order of DIMENSIONS."""
        codes = tuple(
            self._code(name, value)
            for name, value in zip(DIMENSIONS, values, strict=True)
        )
        return self._number(codes)

    def encode(self, rows: pa.Table) -> Codes:
        """Return the number of each row's series.

        Args:
            rows: N rows with the columns of DIMENSIONS.

        Returns:
            N numbers.
        """
        if not len(rows):
            return np.empty(0, np.int32)
        columns = {name: self._column(name, rows[name]) for name in DIMENSIONS}
        _, first, places = np.unique(
            self._keys(columns), return_index=True, return_inverse=True
        )
        distinct = np.stack([column[first] for column in columns.values()], 1)
        numbers = [self._number(tuple(each)) for each in distinct.tolist()]
        return np.array(numbers, np.int32)[places]

    def grouped(self, names: Sequence[str]) -> tuple[Codes, Codes]:
        """Number the groups of series that have the same values in some dimensions.

        Returns:
            The number of each series' group, and of each group one of its series.
        """
        keys = self._keys({name: self.codes(name) for name in names})
        _, members, numbers = np.unique(keys, return_index=True, return_inverse=True)
        return numbers.astype(np.int32), members.astype(np.int32)

    def codes(self, name: str) -> Codes:
        """Return each series' code of a dimension: its place in ``values``."""
        return self._codes[: len(self), DIMENSIONS.index(name)]

    def values(self, name: str) -> Sequence[Value]:
        """Return the values of a dimension by code."""
        return self._values[name]

    def values_of(self, number: int) -> tuple[Value, ...]:
        """Return a series' values, in order of DIMENSIONS."""
        codes = self._codes[number].tolist()
        return tuple(
            self._values[name][code]
            for name, code in zip(DIMENSIONS, codes, strict=True)
        )

    def codes_in(self, name: str, values: Iterable[Value]) -> list[int]:
        """Return the codes of those of the values that are in the book."""
        known = self._codes_of[name]
        return [known[value] for value in values if value in known]

    def _keys(self, columns: Mapping[str, Codes]) -> Numbers:
        """Return a number for each row of codes, the same for the same codes."""
        length = len(next(iter(columns.values()), self.codes(DIMENSIONS[0])))
        keys, size = np.zeros(length, np.int64), 1
        for name, codes in columns.items():
            count = max(len(self._values[name]), 1)
            if size > _LARGEST_KEY // count:
                distinct, keys = np.unique(keys, return_inverse=True)
                size = len(distinct)
            keys = keys * count + codes
            size *= count
        return keys

    def _column(self, name: str, column: pa.ChunkedArray) -> Codes:
        whole = column.combine_chunks()
        coded = pc.dictionary_encode(whole, null_encoding="encode")
        values = coded.dictionary.to_pylist()
        own = np.array([self._code(name, value) for value in values], np.int32)
        indices: Codes = coded.indices.to_numpy(zero_copy_only=False)
        return own[indices]

    def _code(self, name: str, value: Value) -> int:
        known: Mapping[Value, int] = self._codes_of[name]
        code = known.get(value)
        if code is None:
            code = self._codes_of[name][value] = len(known)
            self._values[name].append(value)
        return code

    def _number(self, codes: tuple[int, ...]) -> int:
        number = self._numbers.get(codes)
        if number is None:
            number = len(self._numbers)
            if number == len(self._codes):
                self._codes = np.concatenate([self._codes, np.empty_like(self._codes)])
            self._codes[number] = codes
            self._numbers[codes] = number
        return number


def encoded(rows: pa.Table, book: SeriesBook) -> Cells:
    """Make cells of rows.

    Args:
        rows: N rows with the columns of DIMENSIONS, ``window_start`` (timestamp,
            microseconds) and ``events``; extra columns are not looked at.
        book: Takes in the series that it does not have.
    """
    start_us: Any = pc.cast(rows["window_start"], pa.int64()).to_numpy()
    return Cells(
        start_us // windows.WINDOW_US,
        book.encode(rows),
        rows["events"].to_numpy().astype(np.int64),
    )
