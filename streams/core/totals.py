"""Totals of the cells of the last hours, in memory: changes go in, ranges come out.

Cells lie in blocks of an hour; what has changed lately lies apart until it is worth
adding up. A change may be of any minute and negative.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from streams.core.publications import Cell, Numbers
from streams.core.series import (
    Cells,
    Codes,
    SeriesBook,
    Value,
    cells_of,
    joined,
    summed,
)

HOUR = 60
_SECONDS = 60
# Adding up costs about as much as reading so many cells for a query.
_MOST_APART = 20_000
_MOST_PARTS = 256
# A book is written anew when it holds twice as many series as are in use.
_FEW_SERIES = 1_000

Change = tuple[int, Sequence[Value], int]
"""A minute, the values of a series, and by how many events it changes."""


class Totals:
    """What is counted of each minute from ``since`` on."""

    def __init__(self, since: int, most_cells: int) -> None:
        """Begin with nothing.

        Args:
            since: First minute, on an hour; earlier ones are not kept.
            most_cells: How many cells are kept; beyond, the oldest hours are let go.
        """
        self.since = since
        self.book = SeriesBook()
        self._most_cells = most_cells
        self._blocks: dict[int, Cells] = {}
        self._apart: list[Cells] = []
        self._count_apart = 0

    def __len__(self) -> int:
        """Return how many cells are held, at most; some may be of one cell."""
        return sum(map(len, self._blocks.values())) + self._count_apart

    def change(self, changes: Iterable[Change]) -> None:
        """Change the events of cells; those before ``since`` are passed over."""
        kept = [each for each in changes if each[0] >= self.since]
        if kept:
            self.add(
                cells_of(
                    [minute for minute, _, _ in kept],
                    [self.book.number(values) for _, values, _ in kept],
                    [events for *_, events in kept],
                )
            )

    def add(self, cells: Cells) -> None:
        """Add cells whose series are of ``book``; those before ``since`` are not."""
        if len(cells) and int(cells.minutes.min()) < self.since:
            cells = cells.where(cells.minutes >= self.since)
        self._apart.append(cells)
        self._count_apart += len(cells)
        if self._count_apart > _MOST_APART or len(self._apart) > _MOST_PARTS:
            self.settle()

    def settle(self) -> None:
        """Add up what lies apart, and let the oldest hours go if there is too much."""
        changed = summed(joined(self._apart))
        self._apart, self._count_apart = [], 0
        hours = changed.minutes // HOUR
        for hour in np.unique(hours).tolist():
            block = changed.where(hours == hour)
            if hour in self._blocks:
                block = summed(joined([self._blocks[hour], block]))
            self._blocks[hour] = block
        while len(self) > self._most_cells and len(self._blocks) > 1:
            self.forget_before((min(self._blocks) + 1) * HOUR)

    def forget_before(self, minute: int) -> None:
        """Keep nothing from before a minute, which is on an hour."""
        if minute <= self.since:
            return
        self.since = minute
        self._blocks = {h: b for h, b in self._blocks.items() if h * HOUR >= minute}
        self._apart = [cells.where(cells.minutes >= minute) for cells in self._apart]
        self._count_apart = sum(map(len, self._apart))
        self._tidy_book()

    def between(self, since: int, until: int) -> Cells:
        """Return the cells of a half-open range of minutes; differences among them."""
        found = [
            block
            if hour * HOUR >= since and (hour + 1) * HOUR <= until
            else block.between(since, until)
            for hour, block in self._blocks.items()
            if (hour + 1) * HOUR > since and hour * HOUR < until
        ]
        found.extend(cells.between(since, until) for cells in self._apart)
        return joined(found)

    def _tidy_book(self) -> None:
        """Forget series that no cell is of any more."""
        everything = [*self._blocks.values(), *self._apart]
        used = np.unique(joined(everything).series)
        if len(self.book) <= 2 * len(used) + _FEW_SERIES:
            return
        numbers = np.zeros(len(self.book), np.int32)
        book = SeriesBook()
        for number in used.tolist():
            numbers[number] = book.number(self.book.values_of(number))
        self.book = book
        self._blocks = {h: _renumbered(b, numbers) for h, b in self._blocks.items()}
        self._apart = [_renumbered(cells, numbers) for cells in self._apart]


def _renumbered(cells: Cells, numbers: Codes) -> Cells:
    return Cells(cells.minutes, numbers[cells.series], cells.events)


def as_changes(numbers: Mapping[Cell, Numbers], sign: int = 1) -> Iterator[Change]:
    """Write numbers by cell, whose times are in seconds, as changes of totals."""
    for cell, (events, _) in numbers.items():
        if events:
            yield cell[0] // _SECONDS, cell[1:], sign * events
