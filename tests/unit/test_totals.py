"""Totals in memory: the sum of all changes, whatever their order and number."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.core.series import Cells, SeriesBook, summed
from streams.core.totals import HOUR, Totals, as_changes

SINCE = 100 * HOUR
SERIES = [("US", "c", "a", "SMS", "long_code", "failed", code) for code in (1, 2, None)]
CHANGES = st.lists(
    st.tuples(
        st.integers(SINCE - 2 * HOUR, SINCE + 5 * HOUR),
        st.sampled_from(SERIES),
        st.integers(-3, 9),
    ),
    max_size=40,
)


def counted(totals: Totals, since: int, until: int) -> Counter[Any]:
    """Read a range of totals, value by value."""
    return read(totals.book, summed(totals.between(since, until)))


def read(book: SeriesBook, cells: Cells) -> Counter[Any]:
    """Write cells as a counter."""
    return Counter(
        {
            (minute, book.values_of(number)): events
            for minute, number, events in zip(
                cells.minutes.tolist(),
                cells.series.tolist(),
                cells.events.tolist(),
                strict=True,
            )
        }
    )


def expected(changes: list[Any], since: int, until: int) -> Counter[Any]:
    """Add changes of a range up, one by one."""
    found: Counter[Any] = Counter()
    for minute, values, events in changes:
        if since <= minute < until:
            found[minute, values] += events
    return Counter({cell: events for cell, events in found.items() if events})


@given(
    st.lists(CHANGES, max_size=4),
    st.integers(SINCE - 3 * HOUR, SINCE + 6 * HOUR),
    st.integers(0, 4 * HOUR),
    st.booleans(),
)
def test_a_range_is_the_sum_of_its_changes(
    batches: list[list[Any]],
    since: int,
    length: int,
    settles: bool,  # noqa: FBT001 - drawn
) -> None:
    """Settled or not, any half-open range; nothing of before the first minute."""
    totals = Totals(SINCE, 1_000)
    for batch in batches:
        totals.change(batch)
        if settles:
            totals.settle()

    everything = [change for batch in batches for change in batch]
    wanted = expected(everything, max(since, SINCE), since + length)
    assert counted(totals, since, since + length) == wanted


@given(CHANGES, st.integers(-1, 6))
def test_old_hours_are_let_go(changes: list[Any], hours: int) -> None:
    """From then on nothing of them comes in; what is younger stays."""
    totals = Totals(SINCE, 1_000)
    totals.change(changes)
    since = SINCE + hours * HOUR
    totals.forget_before(since)
    totals.change([(SINCE - 1, SERIES[0], 5)])

    assert totals.since == max(since, SINCE)
    assert counted(totals, 0, 10**9) == expected(changes, totals.since, 10**9)


def test_beyond_the_most_cells_the_oldest_hours_go() -> None:
    """What is left is whole hours, and says from when on."""
    totals = Totals(SINCE, 100)
    totals.change([(SINCE + k, SERIES[0], 1) for k in range(4 * HOUR)])
    totals.settle()

    assert totals.since == SINCE + 3 * HOUR
    assert len(totals) == HOUR


def test_the_newest_hour_stays_however_many_cells_it_has() -> None:
    """Answers would be empty without it."""
    totals = Totals(SINCE, 10)
    totals.change([(SINCE + k, SERIES[0], 1) for k in range(HOUR)])
    totals.settle()

    assert (totals.since, len(totals)) == (SINCE, HOUR)


def test_many_changes_settle_by_themselves() -> None:
    """A thousand messages a minute do not lie apart for ever."""
    totals = Totals(SINCE, 10**6)
    for _ in range(1_000):
        totals.change([(SINCE, SERIES[0], 1)])

    assert len(totals) < 300
    assert counted(totals, SINCE, SINCE + 1) == {(SINCE, SERIES[0]): 1_000}


def test_series_of_hours_that_went_are_forgotten() -> None:
    """Names that a hostile sender makes up do not fill the memory for ever."""
    totals = Totals(SINCE, 10**6)
    names = [("US", f"carrier {k}", *SERIES[0][2:]) for k in range(3_000)]
    totals.change([(SINCE, name, 1) for name in names])
    totals.change([(SINCE + HOUR, SERIES[1], 2)])
    book = totals.book
    totals.forget_before(SINCE + HOUR)

    assert (len(book), len(totals.book)) == (3_001, 1)
    assert counted(totals, 0, 10**9) == {(SINCE + HOUR, SERIES[1]): 2}


def test_changes_of_a_reader_are_by_second_and_have_a_sign() -> None:
    """What changes nothing but segments is passed over."""
    cell = (SINCE * 60, *SERIES[0])
    other = (SINCE * 60, *SERIES[1])

    found = list(as_changes({cell: (3, 7), other: (0, 2)}, -1))

    assert found == [(SINCE, SERIES[0], -3)]
