"""Rows of rates: whatever is asked, they equal the plainest recount."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core import rates
from streams.core.rate_query import FINISHED, Filter, Query, window_starts
from streams.core.rate_rows import Row, TooManyRowsError, rows
from streams.core.series import (
    DIMENSIONS,
    SeriesBook,
    cells_of,
    encoded,
    joined,
    summed,
)

VALUES: dict[str, list[Any]] = {
    "country": ["US", "MX", "ZZ", None],
    "carrier": ["AT&T", "", None],
    "application_id": ["a", "b"],
    "channel": ["SMS", None],
    "sender_type": ["toll_free", "long_code"],
    "outcome": ["delivered", "failed", "unknown", "in_progress", "read"],
    "error_code": [4770, 9902, -1, 0, None],
}
DAY = 1_440
SINCE = 29_000_160  # a Monday's midnight, minutes since 1970
UNTIL = SINCE + 2 * DAY
WINDOWS = [None, 1, 5, 60, DAY, 3 * DAY]

Cell = tuple[int, tuple[Any, ...], int]
LIST_OF_CELLS = st.lists(
    st.tuples(
        st.integers(SINCE - 3 * DAY, UNTIL + 60),
        st.tuples(*(st.sampled_from(VALUES[name]) for name in DIMENSIONS)),
        st.integers(1, 50),
    ),
    max_size=60,
)


@st.composite
def queries(draw: st.DrawFn, *, compare: bool = False) -> Query:
    """Draw a query of any shape that the API lets through."""
    by = tuple(name for name in DIMENSIONS if draw(st.booleans()))
    filters = [
        Filter(
            name, frozenset(draw(st.sets(st.sampled_from(VALUES[name]), min_size=1)))
        )
        for name in DIMENSIONS
        if draw(st.integers(0, 4)) == 0
    ]
    window = draw(st.sampled_from(WINDOWS))
    since = draw(st.integers(SINCE, SINCE + 60))
    step = window or 1
    return Query(
        since=int(window_starts(np.array(since), step)),
        until=int(window_starts(np.array(UNTIL - 1), step)) + step,
        window=window,
        by=by,
        filters=tuple(filters),
        compare=draw(st.sampled_from([1, 60, DAY])) if compare else None,
    )


def book_and_cells(given_cells: Sequence[Cell]) -> tuple[SeriesBook, Any]:
    """Put cells into columns."""
    book = SeriesBook()
    numbers = [book.number(values) for _, values, _ in given_cells]
    minutes = [minute for minute, _, _ in given_cells]
    return book, cells_of(minutes, numbers, [events for *_, events in given_cells])


def answered(query: Query, given_cells: Sequence[Cell], **more: Any) -> list[Row]:  # noqa: ANN401
    """Answer a query over cells, of which those outside of the period are cut off."""
    book, cells = book_and_cells(given_cells)
    earlier = None
    if query.compare is not None:
        earlier = cells.between(
            query.since - query.compare, query.until - query.compare
        )
    cells = cells.between(query.since, query.until)
    return list(rows(query, book, cells, earlier, **more))


def counted(
    query: Query, given_cells: Sequence[Cell], shift: int = 0
) -> tuple[Counter[Any], Counter[Any]]:
    """Count by window and key, and what finished by window and place."""
    events: Counter[Any] = Counter()
    finished: Counter[Any] = Counter()
    for minute, values, count in given_cells:
        if not query.since <= minute + shift < query.until:
            continue
        cell = dict(zip(DIMENSIONS, values, strict=True))
        lets_in = {each.name: cell[each.name] in each.values for each in query.filters}
        of_part = [lets_in.pop(name, True) for name in ("outcome", "error_code")]
        if not all(lets_in.values()):
            continue
        window = query.since
        if query.window is not None:
            window = int(window_starts(np.array(minute + shift), query.window))
        place = tuple(cell[name] for name in query.places)
        if cell["outcome"] in FINISHED:
            finished[window, place] += count
        if all(of_part):
            part = tuple(cell[name] for name in query.by)
            events[window, part, cell["outcome"]] += count
    return events, finished


def naive(query: Query, given_cells: Sequence[Cell], shift: int = 0) -> dict[Any, Any]:
    """Return what each row has to say, by window and values of ``by``."""
    events, finished = counted(query, given_cells, shift)
    place = [query.by.index(name) for name in query.places]
    found: dict[Any, Any] = {}
    if not query.has_parts:
        for (window, key), total in finished.items():
            found[window, key] = [events[window, key, o] for o in FINISHED] + [total]
        return found
    asked = query.filter_of("outcome")
    for (window, key, outcome), count in events.items():
        by_default = outcome in {"failed", "unknown"} or "outcome" in query.by
        if asked is None and not by_default:
            continue
        old = found.get((window, key), [0])[0]
        of_place = finished[window, tuple(key[k] for k in place)]
        found[window, key] = [old + count, of_place]
    return found


def said(query: Query, found: Sequence[Row]) -> dict[Any, Any]:
    """Return what each row says, by window and values of ``by``."""
    names = ["events", "finished"] if query.has_parts else [*FINISHED, "finished"]
    return {
        (row["window_start"], tuple(row[name] for name in query.by)): [
            row[name] for name in names
        ]
        for row in found
    }


@given(queries(), LIST_OF_CELLS)
def test_rows_equal_a_recount(query: Query, given_cells: list[Cell]) -> None:
    """Any windows, dimensions and filters: each row, and no other, as counted."""
    found = answered(query, given_cells)

    assert said(query, found) == naive(query, given_cells)
    assert len(found) == len(said(query, found))


@given(queries(), LIST_OF_CELLS, st.integers(0, 60))
def test_rows_do_not_depend_on_order_or_split(
    query: Query, given_cells: list[Cell], cut: int
) -> None:
    """Cells in another order, in two tables, half of a cell apart: the same rows."""
    halves = [(m, v, e // 2) for m, v, e in given_cells]
    halves += [(m, v, e - e // 2) for m, v, e in reversed(given_cells)]
    shuffled = halves[cut:] + halves[:cut]

    assert answered(query, shuffled) == answered(query, given_cells)


@given(queries(), LIST_OF_CELLS)
def test_rates_are_those_of_the_counts(query: Query, given_cells: list[Cell]) -> None:
    """Each rate is its count of all that finished, inside of its interval."""
    for row in answered(query, given_cells):
        count, rate = (
            ("events", "rate")
            if query.has_parts
            else (
                "failed",
                "failure_rate",
            )
        )
        if row[rate] is None:
            assert row["low"] is None
            continue
        assert row[rate] == row[count] / row["finished"]
        interval = rates.wilson(row[count], row["finished"])
        assert (row["low"], row["high"]) == interval


@given(queries(compare=True), LIST_OF_CELLS)
def test_comparison_counts_the_earlier_period(
    query: Query, given_cells: list[Cell]
) -> None:
    """Each row has the counts of the same group, so much earlier."""
    found = answered(query, given_cells)
    then = naive(query, given_cells, shift=query.compare or 0)
    earlier = [row | row["earlier"] for row in found]

    assert query.compare is not None
    for key, values in said(query, earlier).items():
        if query.has_parts and not values[0]:
            assert key not in then
        else:
            assert values == then.get(key, [0] * len(values))


@given(queries(), LIST_OF_CELLS, st.integers(1, 4))
def test_top_keeps_the_totals(query: Query, given_cells: list[Cell], top: int) -> None:
    """The largest groups are as without ``top``; with the rest, nothing is lost."""
    asked = Query(query.since, query.until, query.window, query.by, query.filters, top)
    all_rows = answered(query, given_cells)
    found = answered(asked, given_cells)

    count = "events" if query.has_parts else "failed"
    kept = [row for row in found if not row["is_other"]]
    assert all(row in [r | {"is_other": False} for r in all_rows] for row in kept)
    assert sum(r[count] for r in found) == sum(r[count] for r in all_rows)
    groups = Counter[Any]()
    for row in all_rows:
        groups[tuple(row[name] for name in query.by)] += row[count]
    shown = {tuple(row[name] for name in query.by) for row in kept}
    assert len(shown) == min(top, len(groups))
    least = min((groups[key] for key in shown), default=0)
    assert all(groups[key] <= least for key in groups if key not in shown)
    if not query.has_parts:
        finished = sum(row["finished"] for row in all_rows)
        assert sum(row["finished"] for row in found) == finished


def test_rest_counts_what_finished_of_a_place_once() -> None:
    """Two codes of one country in the rest share what finished there."""
    place = ("MX", "c", "a", "SMS", "long_code")
    given_cells = [
        (SINCE, (*place, "failed", 4770), 9),
        (SINCE, (*place, "failed", 4720), 2),
        (SINCE, (*place, "failed", None), 1),
        (SINCE, (*place, "delivered", None), 88),
    ]
    query = Query(SINCE, SINCE + 1, by=("country", "error_code"), top=1)

    first, rest = answered(query, given_cells)

    assert (first["error_code"], first["events"], first["finished"]) == (4770, 9, 100)
    assert (rest["events"], rest["finished"], rest["rate"]) == (3, 100, 0.03)
    assert (rest["is_other"], rest["country"], rest["error_code"]) == (True, None, None)


def test_a_new_code_is_compared_with_what_finished_then() -> None:
    """A code that nobody sent yesterday was 0 of what finished, not unknown."""
    place = ("MX", "c", "a", "SMS", "long_code")
    given_cells = [
        (SINCE, (*place, "failed", 4770), 30),
        (SINCE, (*place, "delivered", None), 70),
        (SINCE - DAY, (*place, "delivered", None), 100),
    ]
    query = Query(SINCE, SINCE + 1, by=("country", "error_code"), compare=DAY)

    (row,) = answered(query, given_cells)

    assert (row["earlier"]["events"], row["earlier"]["finished"]) == (0, 100)
    assert row["change"] == pytest.approx(0.3)
    assert row["is_more_than_chance"]


def test_filter_by_code_narrows_failures_and_not_what_finished() -> None:
    """``error_code=4770`` without ``by`` is the share that failed with that code."""
    place = ("MX", "c", "a", "SMS", "long_code")
    given_cells = [
        (SINCE, (*place, "failed", 4770), 9),
        (SINCE, (*place, "failed", 4720), 2),
        (SINCE, (*place, "delivered", None), 89),
    ]
    query = Query(SINCE, SINCE + 1, filters=(Filter("error_code", frozenset([4770])),))

    (row,) = answered(query, given_cells)

    assert (row["failed"], row["finished"], row["failure_rate"]) == (9, 100, 0.09)


def test_rows_come_by_window_and_the_most_failures_first() -> None:
    """As in the reports; equal ones in the order of their values, null last."""
    given_cells = [
        (minute, (country, "c", "a", "SMS", "long_code", "failed", 4770), events)
        for minute, country, events in [
            (SINCE + 1, "US", 5),
            (SINCE, None, 3),
            (SINCE, "US", 3),
            (SINCE, "MX", 3),
            (SINCE, "CA", 7),
        ]
    ]
    query = Query(SINCE, UNTIL, window=1, by=("country",))

    found = [(r["window_start"], r["country"]) for r in answered(query, given_cells)]

    first = [(SINCE, name) for name in ("CA", "MX", "US", None)]
    assert found == [*first, (SINCE + 1, "US")]


def test_more_rows_than_allowed_are_refused_at_once() -> None:
    """Before the first row is asked for."""
    place = ("MX", "c", "a", "SMS", "long_code", "failed", 1)
    book, cells = book_and_cells([(SINCE + k, place, 1) for k in range(3)])
    query = Query(SINCE, UNTIL, window=1)

    assert len(list(rows(query, book, cells, most=3))) == 3
    with pytest.raises(TooManyRowsError) as refusal:
        rows(query, book, cells, most=2)
    assert refusal.value.rows == 3


def test_a_wide_grid_is_added_up_like_a_narrow_one() -> None:
    """Years of minutes are sorted instead of laid out."""
    place = ("MX", "c", "a", "SMS", "long_code", "failed", 1)
    given_cells = [(0, place, 2), (90_000_000, place, 3), (0, place, 4)]
    query = Query(0, 100_000_000, window=1)

    found = [(r["window_start"], r["failed"]) for r in answered(query, given_cells)]

    assert found == [(0, 6), (90_000_000, 3)]


# --- Series --------------------------------------------------------------------------


def table_of(given_cells: Sequence[Cell]) -> pa.Table:
    """Write cells as rows, as table window_counts has them."""
    columns: dict[str, Any] = {
        name: pa.array(
            [values[place] for _, values, _ in given_cells],
            pa.int32() if name == "error_code" else pa.string(),
        )
        for place, name in enumerate(DIMENSIONS)
    }
    minutes = [minute * 60_000_000 for minute, *_ in given_cells]
    columns["window_start"] = pa.array(minutes, pa.timestamp("us", "UTC"))
    columns["events"] = pa.array([events for *_, events in given_cells], pa.int64())
    return pa.table(columns)


def decoded(book: SeriesBook, cells: Any) -> Iterator[Cell]:  # noqa: ANN401
    """Read cells back, value by value."""
    for minute, number, events in zip(
        cells.minutes.tolist(),
        cells.series.tolist(),
        cells.events.tolist(),
        strict=True,
    ):
        values = tuple(
            book.values(name)[book.codes(name)[number]] for name in DIMENSIONS
        )
        yield minute, values, events


@given(LIST_OF_CELLS, LIST_OF_CELLS)
def test_rows_of_a_table_become_the_same_cells(
    first: list[Cell], second: list[Cell]
) -> None:
    """Encoded in two steps into one book, every value comes back."""
    book = SeriesBook()

    parts = [encoded(table_of(part), book) for part in (first, second)]

    assert list(decoded(book, joined(parts))) == first + second
    assert [book.number(values) for _, values, _ in first] == parts[0].series.tolist()


@given(LIST_OF_CELLS)
def test_sums_leave_out_what_is_nothing(given_cells: list[Cell]) -> None:
    """Added up, a cell occurs once; one that was taken back, not at all."""
    taken_back = [(m, v, -e) for m, v, e in given_cells[::2]]
    book, cells = book_and_cells(given_cells + taken_back)
    expected: Counter[Any] = Counter()
    for minute, values, events in given_cells[1::2]:
        expected[minute, values] += events

    found = {(m, v): e for m, v, e in decoded(book, summed(cells))}

    assert found == expected


def test_a_copy_of_a_book_takes_in_more_without_the_first_one_knowing() -> None:
    """The first one's numbers stay."""
    book = SeriesBook()
    one = ("MX", "c", "a", "SMS", "long_code", "failed", 1)
    other = ("MX", "d", "a", "SMS", "long_code", "failed", 1)
    number = book.number(one)

    copy = book.copy()

    assert (copy.number(one), copy.number(other)) == (number, number + 1)
    assert (len(book), list(book.values("carrier"))) == (1, ["c"])


def test_more_kinds_than_one_number_can_hold_are_told_apart() -> None:
    """A thousand values of each dimension: their product is beyond 64 bits."""
    book = SeriesBook()
    texts = [(*(f"{name}{k}" for name in DIMENSIONS[:-1]), k) for k in range(1_500)]
    given_cells = [(SINCE, text, 1) for text in texts]

    cells = encoded(table_of(given_cells), book)
    groups, members = book.grouped(DIMENSIONS)

    assert sorted(cells.series.tolist()) == list(range(1_500))
    assert (len(set(groups.tolist())), len(members)) == (1_500, 1_500)
