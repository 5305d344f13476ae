"""Reports over the counts: what changed, faults and cost, new codes, no receipts."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.rates import wilson
from streams.warehouse import queries
from streams.warehouse.connection import connect
from streams.warehouse.period import Period
from streams.warehouse.reports import parameters
from tests.sql.archive import NOON, Archive, at, cell
from tests.sql.reported import only, report

HOUR = timedelta(hours=1)
THIS_HOUR = Period(NOON, NOON + HOUR)
BEFORE = {"window_start": NOON - HOUR}
SPAM = {"outcome": "failed", "error_code": 4770}
GB, US = {"country": "GB", "carrier": "EE"}, {"country": "US", "carrier": "AT&T"}


# --- what_changed ---------------------------------------------------------------------


def test_rate_that_rose_on_one_route_is_all_of_the_change(archive: Archive) -> None:
    """Traffic as before, EE refuses 30 of 50, before none: nothing else has a part."""
    archive.add_counts(
        [
            cell(50, **GB, **BEFORE),
            cell(40, **US, **BEFORE),
            cell(10, **US, **BEFORE, outcome="failed", error_code=4720),
            cell(20, **GB),
            cell(30, **GB, **SPAM),
            cell(40, **US),
            cell(10, **US, outcome="failed", error_code=4720),
        ]
    )
    found = report(archive, "what_changed", THIS_HOUR)

    assert only(
        found,
        *("country", "country_name", "carrier", "error_code", "failed_before"),
        *("finished_before", "failed", "finished"),
    ) == [("GB", "United Kingdom", "EE", 4770, 0, 50, 30, 50)]
    assert only(found, "rate_change", "mix_change", "part") == [
        pytest.approx((0.3, 0.0, 0.3))
    ]
    assert only(found, "overall_before", "overall") == [pytest.approx((0.1, 0.4))]


def test_traffic_that_moved_is_no_change_of_rates(archive: Archive) -> None:
    """The same rates, more traffic to the worse route: mix_change alone, +9 points."""
    archive.add_counts(
        [
            cell(45, **GB, **BEFORE),  # 10 of 100 go to GB, where half fail
            cell(5, **GB, **BEFORE),
            cell(50, **GB, **BEFORE, **SPAM),
            cell(891, **US, **BEFORE),
            cell(9, **US, **BEFORE, **SPAM),  # in the US 1 %
            cell(150, **GB),
            cell(150, **GB, **SPAM),
            cell(693, **US),
            cell(7, **US, **SPAM),
        ]
    )
    found = report(archive, "what_changed", THIS_HOUR)
    change = (157 - 59) / 1000

    assert sum(row["part"] for row in found) == pytest.approx(change)
    assert sum(row["rate_change"] for row in found) == pytest.approx(0)
    # Both routes have a part: the better one shrank.
    assert [row["country"] for row in found] == ["GB", "US"]
    assert all(row["mix_change"] > 0 for row in found)


def test_route_that_grows_with_the_usual_rate_changes_nothing(
    archive: Archive,
) -> None:
    """Twice the traffic to GB, every rate 10 %: there is nothing to tell."""
    archive.add_counts(
        [
            cell(90, **GB, **BEFORE),
            cell(10, **GB, **BEFORE, **SPAM),
            cell(90, **US, **BEFORE),
            cell(10, **US, **BEFORE, **SPAM),
            cell(180, **GB),
            cell(20, **GB, **SPAM),
            cell(90, **US),
            cell(10, **US, **SPAM),
        ]
    )
    found = report(archive, "what_changed", THIS_HOUR)

    assert [row for row in found if abs(row["part"]) > 1e-12] == []


def test_route_that_came_or_went_is_all_mix(archive: Archive) -> None:
    """A route that was not there had no rate that could have changed."""
    gone = {"country": "JM", "carrier": None}
    archive.add_counts(
        [
            cell(100, **US, **BEFORE),
            cell(50, **gone, **BEFORE),
            cell(50, **gone, **BEFORE, **SPAM),
            cell(100, **US),
            cell(80, **GB),
            cell(20, **GB, **SPAM),
        ]
    )
    found = report(archive, "what_changed", THIS_HOUR)

    assert sum(row["part"] for row in found) == pytest.approx(0.1 - 0.25)
    assert [row["rate_change"] for row in found] == [0.0] * len(found)


def test_without_an_earlier_period_nothing_has_changed(archive: Archive) -> None:
    """Of a first hour it cannot be told what rose."""
    archive.add_counts([cell(50, **GB), cell(50, **GB, **SPAM)])

    assert report(archive, "what_changed", THIS_HOUR) == []


def test_against_names_the_earlier_period(archive: Archive) -> None:
    """A day before is compared, not the hour before."""
    yesterday = {"window_start": NOON - timedelta(days=1)}
    archive.add_counts(
        [
            cell(100, **GB, **yesterday),
            cell(50, **GB, **BEFORE, **SPAM),
            cell(90, **GB),
            cell(10, **GB, **SPAM),
        ]
    )
    found = report(archive, "what_changed", THIS_HOUR, against="24h")

    assert only(found, "overall_before", "overall") == [(0.0, 0.1)]


@pytest.fixture(scope="module")
def in_memory(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a warehouse whose counts are a table in memory."""
    with connect(tmp_path_factory.mktemp("nothing")) as connection:
        yield connection


@given(
    cells=st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(["GB", "US", None]),
            st.sampled_from(["EE", None]),
            st.sampled_from([("delivered", None), ("failed", 4770), ("failed", None)]),
            st.integers(1, 40),
        ),
        min_size=1,
        max_size=12,
    )
)
@settings(max_examples=15, deadline=None)
def test_parts_always_add_up_to_the_change(
    in_memory: duckdb.DuckDBPyConnection, cells: list[Any]
) -> None:
    """Routes come and go, codes and names are missing: no part is lost."""
    rows = [
        cell(
            events,
            window_start=NOON - HOUR if before else NOON,
            country=country,
            carrier=carrier,
            outcome=outcome,
            error_code=code,
        )
        for before, country, carrier, (outcome, code), events in cells
    ]
    found = _changed(in_memory, rows)
    rates = [_rate([r for r in cells if r[0] is before]) for before in (True, False)]

    if None in rates:
        assert found == []
    else:
        before, after = rates
        assert sum(found) == pytest.approx(after - before, abs=1e-9)


def _rate(cells: list[Any]) -> Any:  # noqa: ANN401 - a float, or None
    finished = sum(events for *_, events in cells)
    failed = sum(events for *_, (outcome, _), events in cells if outcome == "failed")
    return failed / finished if finished else None


def _changed(
    connection: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]
) -> list[float]:
    """Run the report over counts in memory: an archive for each example is slow."""
    query = queries.shipped_queries()["what_changed"]
    connection.execute("delete from stored_window_counts")
    for row in rows:
        names = ", ".join(row)
        marks = ", ".join(f"${name}" for name in row)
        connection.execute(
            f"insert into stored_window_counts ({names}) values ({marks})", row
        )
    found = connection.execute(query.sql, parameters(query, THIS_HOUR)).fetchall()
    place = [column.name for column in query.columns].index("part")
    return [row[place] for row in found]


# --- who_is_at_fault ------------------------------------------------------------------


def test_faults_and_what_they_cost(archive: Archive) -> None:
    """Carriers' codes are billed, the provider's mostly not; of some it is open."""
    archive.add_counts(
        [
            cell(6, **SPAM, segments=9),  # billed
            cell(2, outcome="failed", error_code=4301, segments=2),  # not billed
            cell(3, outcome="failed", error_code=5600, segments=4),  # billed
            cell(1, outcome="failed", error_code=4475, segments=2),  # opt-out, open
            cell(1, outcome="failed", error_code=770, segments=1),  # 4770 in SMPP
            cell(1, outcome="failed", error_code=4799, segments=1),  # by its range
            cell(1, outcome="failed", segments=1),  # no code
            cell(50, outcome="unknown", error_code=9902),  # no failure
            cell(90),
        ]
    )
    found = report(archive, "who_is_at_fault", THIS_HOUR)

    assert only(
        found,
        *("name", "who_acts", "failed", "segments", "billable_segments"),
        *("unclear_segments", "codes"),
    ) == [
        ("sender content", "sender", 9, 12, 10, 0, [4770, 4301, 770]),
        ("carrier", "carrier", 3, 4, 4, 0, [5600]),
        ("cannot be told", "nobody", 2, 2, 1, 1, [4799, None]),
        ("opt-out", "sender", 1, 2, 0, 2, [4475]),
    ]
    assert [row["share"] for row in found] == [9 / 15, 3 / 15, 2 / 15, 1 / 15]


def test_every_fault_and_retry_class_of_a_code_is_known(archive: Archive) -> None:
    """No code points to a fault or class that the reports could not name."""
    assert (
        archive.rows(
            "select fault from (select fault from error_codes union all"
            " select fault from error_code_ranges) where fault not in"
            " (select fault from faults)"
        )
        == []
    )
    assert (
        archive.rows(
            "select retryable from (select retryable from error_codes union all"
            " select retryable from error_code_ranges) where retryable not in"
            " (select retryable from retry_classes)"
        )
        == []
    )


# --- new_error_codes ------------------------------------------------------------------


def test_new_codes_are_new_to_the_whole_archive(archive: Archive) -> None:
    """A code of last year is not new; one of later is not in the period."""
    new = {"outcome": "failed", "error_code": 4999}
    archive.add_counts(
        [
            cell(1, **SPAM, window_start=NOON - timedelta(days=400)),
            cell(5, **SPAM),
            cell(2, **new, **GB),
            cell(3, **new, **US, window_start=at("12:30:00")),
            cell(1, **new, country="FR", window_start=at("13:30:00")),
            cell(1, outcome="failed", error_code=5650, window_start=at("13:00:00")),
            cell(9, outcome="failed"),  # no code
        ]
    )

    assert only(
        report(archive, "new_error_codes", THIS_HOUR),
        *("error_code", "first_seen", "last_seen", "events", "countries", "carriers"),
        "known_by",
    ) == [
        (4999, NOON, at("12:30:00"), 5, ["US", "GB"], ["AT&T", "EE"], "range"),
    ]


def test_new_code_of_a_country_is_new_there(archive: Archive) -> None:
    """With --country it is the first time in that country."""
    archive.add_counts([cell(1, **SPAM, **US, **BEFORE), cell(2, **SPAM, **GB)])

    assert report(archive, "new_error_codes", THIS_HOUR) == []
    assert only(
        report(archive, "new_error_codes", THIS_HOUR, country=["GB"]),
        *("error_code", "events"),
    ) == [(4770, 2)]


# --- missing_receipts -----------------------------------------------------------------


def test_missing_receipts_by_route(archive: Archive) -> None:
    """9902 and 902 alike; a route without any is left out, a small one is too few."""
    archive.add_counts(
        [
            cell(95, **GB),
            cell(4, **GB, outcome="unknown", error_code=9902),
            cell(1, **GB, outcome="unknown", error_code=902),
            cell(50, **US),
            cell(9, country="JM"),
            cell(1, country="JM", outcome="unknown", error_code=9902),
        ]
    )
    found = report(archive, "missing_receipts", THIS_HOUR)

    assert only(
        found, "country", "carrier", "unknown", "finished", "unknown_rate", "enough"
    ) == [("GB", "EE", 5, 100, 0.05, True), ("JM", None, 1, 10, 0.1, False)]
    assert only(found, "low", "high")[0] == pytest.approx(wilson(5, 100))


# --- the marts by hour and day --------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "rows"),
    [
        ("failure_rates_by_hour", [(NOON, 45, 5), (at("13:00:00"), 9, 1)]),
        ("failure_rates_by_day", [(at("00:00:00"), 54, 6)]),
    ],
)
def test_marts_sum_minutes(archive: Archive, view: str, rows: list[Any]) -> None:
    """Increments of a cell are one row; what never finished has none."""
    archive.add_counts(
        [
            cell(40),
            cell(5, window_start=at("12:59:00")),
            cell(5, **SPAM),
            cell(9, window_start=at("13:00:00")),
            cell(1, window_start=at("13:59:00"), **SPAM),
            cell(7, outcome="in_progress"),
        ]
    )

    assert archive.rows(
        f"select window_start, delivered, failed from {view} order by window_start"
    ) == [(start.astimezone(), *counted) for start, *counted in rows]
