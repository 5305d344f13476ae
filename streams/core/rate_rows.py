"""Cells and a query → rows of rates.

Everything is added up as columns of numbers; a row becomes a mapping only when it is
asked for, so that an answer of 200,000 rows takes a few megabytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.core import rates
from streams.core.rate_query import FINISHED, PART_DIMENSIONS, PLACE_DIMENSIONS, Query
from streams.core.series import Cells, Codes, Numbers, SeriesBook, Value

Row = dict[str, Any]
_OTHER = -1
# Sums of a grid of windows and groups are thirty times quicker than sorting; this many
# take 16 MB.
_LARGEST_GRID = 2_000_000


class TooManyRowsError(Exception):
    """The answer would have more rows than allowed; holds how many."""

    def __init__(self, rows: int) -> None:
        """Take the number of rows."""
        super().__init__(f"{rows} rows")
        self.rows = rows


@dataclass(frozen=True, slots=True)
class Sums:
    """Counts by window and group, as columns.

    Attributes:
        windows: N window starts, minutes since 1970.
        groups: N numbers of a group.
        finished: N counts of what finished of the row's place.
        counts: N rows of counts: by outcome in order of FINISHED, or one column of
            events where the query has parts.
    """

    windows: Numbers
    groups: Codes
    finished: Numbers
    counts: Numbers

    def __len__(self) -> int:
        """Return N."""
        return len(self.windows)


@dataclass(frozen=True, slots=True)
class _Groups:
    """The groups of a query over a book: which one each series is in.

    Attributes:
        of_series: Number of each series' group.
        place_of: Number of each group's place: its values but outcome and error code.
        members: One series of each group.
    """

    of_series: Codes
    place_of: Codes
    members: Codes


def rows(
    query: Query,
    book: SeriesBook,
    cells: Cells,
    earlier: Cells | None = None,
    most: int | None = None,
) -> Iterator[Row]:
    """Answer a query.

    Args:
        query: What is asked for.
        book: The series of the cells.
        cells: Those of the period, in any order; differences of a cell are added up.
        earlier: Those of the period ``query.compare`` earlier, where it is asked for.
        most: How many rows there may be.

    Returns:
        The rows, by window and then the most failures first. Rows of nothing finished
        are left out, or, with parts, those of no event.

    Raises:
        TooManyRowsError: There are more than ``most``; raised at once.
    """
    groups = _groups(query, book)
    sums, _ = _sums(query, book, groups, cells)
    then, places = None, None
    if earlier is not None:
        moved = _moved(earlier, query.compare or 0)
        then, places = _sums(query, book, groups, moved)
    labels = _labels(query, book, groups)
    ranks = labels.ranks(sums.groups)
    if query.top is not None:
        kept = _largest(sums, ranks, query)
        sums = _with_other(sums, kept, groups)
        then = then and _with_other(then, kept, groups)
    sums = _ordered(sums, ranks, query)
    if most is not None and len(sums) > most:
        raise TooManyRowsError(len(sums))
    known = None
    if then is not None and places is not None:
        known = _Earlier(then, places, groups.place_of)
    return _rows(query, labels, sums, known)


def _moved(cells: Cells, minutes: int) -> Cells:
    return Cells(cells.minutes + minutes, cells.series, cells.events)


def _groups(query: Query, book: SeriesBook) -> _Groups:
    place_of_series, _ = book.grouped(query.places)
    of_series, members = book.grouped(query.by)
    return _Groups(of_series, place_of_series[members], members)


def _sums(
    query: Query, book: SeriesBook, groups: _Groups, cells: Cells
) -> tuple[Sums, "_Summed"]:
    """Return the counts of each window and group, and what finished of each place."""
    finished_codes = book.codes_in("outcome", FINISHED)
    is_finished = np.isin(book.codes("outcome"), finished_codes)
    is_counted = _let_in(query, book, PART_DIMENSIONS)
    outcomes = query.outcomes
    if outcomes is not None:
        is_counted &= np.isin(book.codes("outcome"), book.codes_in("outcome", outcomes))
    in_place = _let_in(query, book, PLACE_DIMENSIONS)
    cells = cells.where((in_place & (is_finished | is_counted))[cells.series])
    windows = query.window_starts(cells.minutes)

    step = query.window or 1

    def summed(of_series: Codes, is_in: npt.NDArray[np.bool_]) -> _Summed:
        mask = is_in[cells.series]
        numbers = of_series[cells.series[mask]]
        return _Summed.of(windows[mask], numbers, cells.events[mask], step)

    place_of_series = groups.place_of[groups.of_series]
    places = summed(place_of_series, is_finished)
    if query.has_parts:
        parts = summed(groups.of_series, is_counted)
        finished = places.look_up(parts.windows, groups.place_of[parts.groups])
        found = Sums(parts.windows, parts.groups, finished, parts.events[:, None])
        return found, places
    columns = [
        summed(place_of_series, is_counted & _has_outcome(book, name)).look_up(
            places.windows, places.groups
        )
        for name in FINISHED
    ]
    # Without parts a group is a place.
    counts = np.stack(columns, 1)
    return Sums(places.windows, places.groups, places.events, counts), places


def _has_outcome(book: SeriesBook, outcome: str) -> npt.NDArray[np.bool_]:
    return np.isin(book.codes("outcome"), book.codes_in("outcome", [outcome]))


def _let_in(
    query: Query, book: SeriesBook, names: tuple[str, ...]
) -> npt.NDArray[np.bool_]:
    """Return which series the filters of these dimensions let in."""
    mask = np.ones(len(book), np.bool_)
    for each in query.filters:
        if each.name in names:
            mask &= np.isin(
                book.codes(each.name), book.codes_in(each.name, each.values)
            )
    return mask


def _where(sums: Sums, mask: npt.NDArray[np.bool_]) -> Sums:
    return Sums(
        sums.windows[mask], sums.groups[mask], sums.finished[mask], sums.counts[mask]
    )


@dataclass(frozen=True, slots=True)
class _Summed:
    """Events by window and group, sorted by both."""

    keys: Numbers
    events: Numbers

    @classmethod
    def of(
        cls, windows: Numbers, groups: Codes, events: Numbers, step: int
    ) -> "_Summed":
        """Add up; ``step`` is the length of a window."""
        if not len(events):
            return cls(np.empty(0, np.int64), np.empty(0, np.int64))
        first, width = int(windows.min()), int(groups.max()) + 1
        size = ((int(windows.max()) - first) // step + 1) * width
        if size > _LARGEST_GRID:
            return cls._of_sparse(_key(windows, groups), events)
        grid = (windows - first) // step * width + groups
        total = np.bincount(grid, weights=events).astype(np.int64)
        places = np.flatnonzero(total)
        starts = first + places // width * step
        numbers = (places % width).astype(np.int32)
        return cls(_key(starts, numbers), total[places])

    @classmethod
    def _of_sparse(cls, keys: Numbers, events: Numbers) -> "_Summed":
        distinct, places = np.unique(keys, return_inverse=True)
        total = np.zeros(len(distinct), np.int64)
        np.add.at(total, places, events)
        return cls(distinct[total != 0], total[total != 0])

    @property
    def windows(self) -> Numbers:
        return self.keys >> 32

    @property
    def groups(self) -> Codes:
        return (self.keys & 0xFFFFFFFF).astype(np.int32)

    def look_up(self, windows: Numbers, groups: Codes) -> Numbers:
        """Return the events of each window and group; 0 where there are none."""
        wanted = _key(windows, groups)
        if not len(self.keys):
            return np.zeros(len(wanted), np.int64)
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[places] == wanted, self.events[places], 0)


def _key(windows: Numbers, groups: Codes) -> Numbers:
    return windows << 32 | groups.astype(np.int64)


def _failures(sums: Sums, query: Query) -> Numbers:
    """Return what rows are ordered by: failed events, or those of the part."""
    return sums.counts[:, 0 if query.has_parts else FINISHED.index("failed")]


def _largest(sums: Sums, ranks: Codes, query: Query) -> Codes:
    """Return the groups with the most failures of the whole period."""
    groups, places = np.unique(sums.groups, return_inverse=True)
    failures = np.zeros(len(groups), np.int64)
    np.add.at(failures, places, _failures(sums, query))
    order = np.lexsort((ranks[groups], -failures))
    return groups[order[: query.top]]


def _with_other(sums: Sums, kept: Codes, groups: _Groups) -> Sums:
    """Add up, by window, all groups but those kept.

    ``finished`` of the rest is that of the places it is of, each once.
    """
    is_kept = np.isin(sums.groups, kept)
    rest = _where(sums, ~is_kept)
    if not len(rest):
        return sums
    windows, places = np.unique(rest.windows, return_inverse=True)
    counts = np.zeros((len(windows), rest.counts.shape[1]), np.int64)
    np.add.at(counts, places, rest.counts)
    _, once = np.unique(
        _key(rest.windows, groups.place_of[rest.groups]), return_index=True
    )
    finished = np.zeros(len(windows), np.int64)
    np.add.at(finished, places[once], rest.finished[once])
    first = _where(sums, is_kept)
    return Sums(
        np.concatenate([first.windows, windows]),
        np.concatenate([first.groups, np.full(len(windows), _OTHER, np.int32)]),
        np.concatenate([first.finished, finished]),
        np.concatenate([first.counts, counts]),
    )


def _ordered(sums: Sums, ranks: Codes, query: Query) -> Sums:
    """Order by window, then the most failures first; the rest of a window last."""
    failures = _failures(sums, query)
    order = np.lexsort(
        (ranks[sums.groups], -failures, sums.groups == _OTHER, sums.windows)
    )
    return Sums(
        sums.windows[order],
        sums.groups[order],
        sums.finished[order],
        sums.counts[order],
    )


def _labels(query: Query, book: SeriesBook, groups: _Groups) -> "_Labels":
    return _Labels(
        [
            (name, book.values(name), book.codes(name)[groups.members])
            for name in query.by
        ]
    )


@dataclass(frozen=True, slots=True)
class _Labels:
    """The values of the dimensions asked for, by group."""

    columns: list[tuple[str, Any, Codes]]

    def ranks(self, groups: Codes) -> Codes:
        """Return each group's place in the order of its values; null is last."""
        used = np.unique(groups).tolist()
        size = max(used, default=-1) + 2  # the last one is that of _OTHER
        ranks = np.zeros(size, np.int32)
        ordered = sorted(used, key=lambda group: _sortable(self.of(group)))
        ranks[ordered] = np.arange(len(ordered))
        return ranks

    def of(self, group: int) -> dict[str, Value]:
        if group == _OTHER:
            return {name: None for name, _, _ in self.columns}
        return {name: values[codes[group]] for name, values, codes in self.columns}


def _sortable(dimensions: Mapping[str, Value]) -> list[tuple[bool, Any]]:
    return [
        (value is None, 0 if value is None else value) for value in dimensions.values()
    ]


def _rows(
    query: Query, labels: _Labels, sums: Sums, earlier: "_Earlier | None"
) -> Iterator[Row]:
    measure = _part if query.has_parts else _whole
    outcomes = query.outcomes
    for window, group, finished, counts in zip(
        sums.windows.tolist(),
        sums.groups.tolist(),
        sums.finished.tolist(),
        sums.counts.tolist(),
        strict=True,
    ):
        dimensions = labels.of(group)
        row: Row = {"window_start": window, **dimensions}
        if query.top is not None:
            row["is_other"] = group == _OTHER
        is_share = _is_share(dimensions, outcomes)
        row |= measure(counts, finished, is_share=is_share)
        if earlier is not None:
            counts_then, finished_then = earlier.of(window, group, len(counts))
            row |= _compared(
                measure(counts, finished, is_share=is_share),
                measure(counts_then, finished_then, is_share=is_share),
                is_part=query.has_parts,
            )
        yield row


def _is_share(
    dimensions: Mapping[str, Value], outcomes: frozenset[Value] | None
) -> bool:
    """Tell whether the events of a row are among those that finished."""
    outcome = dimensions.get("outcome")
    if outcome is not None:
        return outcome in FINISHED
    return outcomes is not None and outcomes <= set(FINISHED)


def _whole(counts: list[int], finished: int, *, is_share: bool) -> Row:
    del is_share
    delivered, failed, unknown = counts
    interval = rates.wilson(failed, finished)
    return {
        "delivered": delivered,
        "failed": failed,
        "unknown": unknown,
        "finished": finished,
        "failure_rate": failed / finished if finished else None,
        "unknown_rate": unknown / finished if finished else None,
        "low": interval and interval.low,
        "high": interval and interval.high,
    }


def _part(counts: list[int], finished: int, *, is_share: bool) -> Row:
    events = counts[0]
    interval = rates.wilson(events, finished) if is_share else None
    return {
        "events": events,
        "finished": finished,
        "rate": events / finished if interval else None,
        "low": interval and interval.low,
        "high": interval and interval.high,
    }


def _compared(now: Row, then: Row, *, is_part: bool) -> Row:
    count, rate = ("events", "rate") if is_part else ("failed", "failure_rate")
    change = None
    if now[rate] is not None and then[rate] is not None:
        change = rates.change(
            now[count], now["finished"], then[count], then["finished"]
        )
    return {
        "earlier": then,
        "change": change and change.difference,
        "change_low": change and change.low,
        "change_high": change and change.high,
        "is_more_than_chance": change is not None and change.is_more_than_chance,
    }


class _Earlier:
    """The counts of the earlier period, by window and group."""

    def __init__(self, sums: Sums, places: _Summed, place_of: Codes) -> None:
        keys = zip(sums.windows.tolist(), sums.groups.tolist(), strict=True)
        values = zip(sums.counts.tolist(), sums.finished.tolist(), strict=True)
        self._found = dict(zip(keys, values, strict=True))
        self._finished = dict(
            zip(
                zip(places.windows.tolist(), places.groups.tolist(), strict=True),
                places.events.tolist(),
                strict=True,
            )
        )
        self._place_of = place_of

    def of(self, window: int, group: int, columns: int) -> tuple[list[int], int]:
        """Return counts and what finished; none of a code is 0 of what finished."""
        found = self._found.get((window, group))
        if found is not None:
            return found
        place = _OTHER if group == _OTHER else int(self._place_of[group])
        return [0] * columns, self._finished.get((window, place), 0)
