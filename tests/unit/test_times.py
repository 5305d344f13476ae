"""Times: which texts are usable, and that columns read as single texts do."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.times import canonical, column, columns, is_exact
from tests.strategies import times


def at(text: str) -> datetime:
    """Read a time, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        pytest.param("2026-07-20T18:20:17Z", at("2026-07-20T18:20:17"), id="seconds"),
        pytest.param(
            "2026-07-20T18:20:17.646Z", at("2026-07-20T18:20:17.646"), id="milliseconds"
        ),
        pytest.param(
            "2026-07-20T18:20:17.979456Z",
            at("2026-07-20T18:20:17.979456"),
            id="microseconds",
        ),
        pytest.param("2026-07-20 18:20:17", at("2026-07-20T18:20:17"), id="no zone"),
        pytest.param("2026-07-20T18:20Z", at("2026-07-20T18:20:00"), id="no seconds"),
        pytest.param("2026-07-20t18:20Z", None, id="lower-case t"),
        pytest.param("2026-07-20T18:20:17z", at("2026-07-20T18:20:17"), id="small z"),
        pytest.param(
            "2026-07-20T18:20:17-05:30", at("2026-07-20T23:50:17"), id="offset"
        ),
        pytest.param("1970-01-01T00:00:00Z", at("1970-01-01T00:00:00"), id="first"),
        pytest.param("1969-12-31T23:59:59Z", None, id="before the first"),
        pytest.param("1970-01-01T00:00:00+01:00", None, id="before, by its zone"),
        pytest.param(
            "2199-12-31T23:59:59.999999Z", at("2199-12-31T23:59:59.999999"), id="last"
        ),
        pytest.param("2200-01-01T00:00:00Z", None, id="after the last"),
        pytest.param("2026-02-30T00:00:00Z", None, id="no such day"),
        pytest.param("2026-07-20T24:00:00Z", None, id="no such hour"),
        pytest.param("2026-07-20T23:59:60Z", None, id="leap second"),
        pytest.param("2026-07-20", None, id="a date"),
        pytest.param("2026-07-20T18Z", None, id="hours alone"),
        pytest.param("٢٠٢٦-07-20T18:20:17Z", None, id="other digits"),
        pytest.param("2026-07-20T18:20:17Z\n", None, id="line break"),
        pytest.param("", None, id="empty"),
    ],
)
def test_usable_times(text: str, time: datetime | None) -> None:
    """A usable text becomes its instant, any other null; its place is told."""
    column_of_one, inexact = column([text])

    assert column_of_one.to_pylist() == [time]
    assert inexact == ([0] if time is None else [])


def test_more_than_microseconds_are_cut_and_told() -> None:
    """A time finer than the column holds is cut, and its place is told."""
    times_read, inexact = column(["2026-07-20T18:20:17.1234567Z", None])

    assert times_read.to_pylist() == [at("2026-07-20T18:20:17.123456"), None]
    assert inexact == [0]


def test_zeros_beyond_microseconds_lose_nothing() -> None:
    """Nine digits that end in zeros are held exactly."""
    assert is_exact("2026-07-20T18:20:17.123456000Z")


def test_seconds_are_needed_for_a_fraction() -> None:
    """A fraction of a minute is no time."""
    assert canonical("2026-07-20T18:20.5Z") is None


@given(st.lists(st.none() | times, max_size=6))
def test_a_column_reads_as_its_texts_do(texts: list[str | None]) -> None:
    """One bad text changes nothing for the others."""
    together, inexact = column(texts)

    apart = [column([text])[0].to_pylist()[0] for text in texts]
    assert together.to_pylist() == apart
    assert inexact == [p for p, text in enumerate(texts) if column([text])[1]]


@given(
    st.integers(0, 4).flatmap(
        lambda size: st.lists(
            st.lists(st.none() | times, min_size=size, max_size=size)
            | st.just([None] * size),
            min_size=1,
            max_size=3,
        )
    )
)
def test_columns_read_together_as_each_alone(several: list[list[str | None]]) -> None:
    """One bad text changes nothing for the other columns, nor does an empty one."""
    together = [(found.to_pylist(), places) for found, places in columns(several)]

    alone = [column(texts) for texts in several]
    assert together == [(found.to_pylist(), places) for found, places in alone]


def test_columns_of_usable_times_stay_apart() -> None:
    """They are read in one call: each gets its own back, an empty one nothing."""
    first, second = "2026-07-20T18:20:17Z", "2026-07-20T18:20:18Z"

    found = columns([[first, None], [None, None], [None, second]])

    assert [(times_read.to_pylist(), places) for times_read, places in found] == [
        ([at("2026-07-20T18:20:17"), None], []),
        ([None, None], []),
        ([None, at("2026-07-20T18:20:18")], []),
    ]


@given(st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)))  # noqa: DTZ001 - UTC is added below
def test_every_time_python_writes_is_read_exactly(time: datetime) -> None:
    """What isoformat writes comes back."""
    text = time.isoformat() + "Z"

    assert column([text])[0].to_pylist() == [time.replace(tzinfo=UTC)]
