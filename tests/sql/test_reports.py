"""Reports: rows in, rows out; parts add up to the whole."""

from datetime import timedelta
from typing import Any

import pytest

from streams.core.rates import wilson
from streams.settings import ConfigurationError
from streams.warehouse import queries, reports
from streams.warehouse.period import EVERYTHING, Period
from tests.sql.archive import NOON, Archive, at, cell, utc, warehouse

HOUR = timedelta(hours=1)


@pytest.fixture
def traffic(archive: Archive) -> Archive:
    """Fill the archive with two countries and two hours, each count its own."""
    failed = {"outcome": "failed", "error_code": 4770}
    one = {"window_start": at("13:10:00")}
    archive.add_counts(
        [
            cell(70),
            cell(10, **failed),
            cell(5, **failed, carrier="AT&T"),  # one code, two cells
            cell(8, outcome="failed", error_code=4432),
            cell(2, outcome="failed"),  # failed without a code
            cell(5, outcome="unknown", error_code=9902),
            cell(7, country="JM"),
            cell(3, country="JM", **failed),
            cell(900, country="JM", outcome="in_progress"),
            cell(1, country="ZZ", outcome="inbound"),
            cell(40, country="GB", outcome="read"),
            cell(25, **one),
            cell(75, **one, **failed),
        ]
    )
    return archive


def _report(archive: Archive, name: str, period: Period) -> list[dict[str, Any]]:
    with warehouse(archive) as connection:
        found = reports.run(connection, reports.named(name), period)
        return [dict(zip(found.names, row, strict=True)) for row in utc(found.values)]


def _only(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def test_overview_counts_all_outcomes(traffic: Archive) -> None:
    """Of 210 finished 103 failed; sending, read and inbound finish nothing."""
    low, high = wilson(103, 210) or (None, None)

    assert _report(traffic, "overview", EVERYTHING) == [
        {
            "delivered": 102,
            "failed": 103,
            "unknown": 5,
            "finished": 210,
            "failure_rate": 103 / 210,
            "low": pytest.approx(low),
            "high": pytest.approx(high),
            "unknown_rate": 5 / 210,
            "delivery_rate": 102 / 210,
            "in_progress": 900,
            "read": 40,
            "inbound": 1,
            "other": 0,
            "enough": True,
        }
    ]


def test_countries_are_listed_by_failures(traffic: Archive) -> None:
    """The US fails most; GB and ZZ finished nothing; ten of JM are too few to tell."""
    rows = _report(traffic, "failure_rates_by_country", EVERYTHING)

    assert _only(
        rows,
        *("country", "country_name", "delivered", "failed", "unknown", "finished"),
        *("failure_rate", "unknown_rate", "enough"),
    ) == [
        ("US", "United States", 95, 100, 5, 200, 0.5, 0.025, True),
        ("JM", "Jamaica", 7, 3, 0, 10, 0.3, 0.0, False),
    ]
    assert _only(rows, "low", "high") == [
        pytest.approx(wilson(100, 200)),
        pytest.approx(wilson(3, 10)),
    ]


def test_codes_are_shares_of_all_that_finished(traffic: Archive) -> None:
    """A code's sample is every finished event, with that code or not."""
    rows = _report(traffic, "failure_rates_by_error_code", EVERYTHING)

    assert _only(rows, "error_code", "events", "finished", "rate", "enough") == [
        (4770, 93, 210, 93 / 210, True),
        (4432, 8, 210, 8 / 210, True),
        (9902, 5, 210, 5 / 210, True),
        (None, 2, 210, 2 / 210, True),
    ]
    assert _only(rows, "meaning", "fault")[0] == (
        "carrier spam filter blocked it",
        "sender-content",
    )
    assert _only(rows, "meaning", "fault")[3] == ("no code given", "unknown")
    assert _only(rows, "low", "high")[0] == pytest.approx(wilson(93, 210))


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        pytest.param(4770, "carrier spam filter blocked it", id="in the table"),
        pytest.param(770, "carrier spam filter blocked it", id="its three digits"),
        pytest.param(
            4999, "refused, code not in the published table", id="known by its range"
        ),
        pytest.param(4121, "Rejected as SPAM (code withdrawn)", id="withdrawn"),
        pytest.param(12345, "not in any table", id="not known"),
        pytest.param(None, "no code given", id="no code"),
    ],
)
@pytest.mark.parametrize(
    "name", ["failure_rates_by_error_code", "failure_rates_by_country_and_error_code"]
)
def test_code_comes_with_its_meaning(
    archive: Archive, name: str, code: int | None, meaning: str
) -> None:
    """Every code is counted and explained as far as it can be."""
    archive.add_counts([cell(1, outcome="failed", error_code=code)])
    rows = _report(archive, name, EVERYTHING)

    assert _only(rows, "error_code", "meaning") == [(code, meaning)]


def test_codes_of_a_country_are_shares_of_that_country(traffic: Archive) -> None:
    """Jamaica's 3 of 10 are not diluted by what the US finished."""
    rows = _report(traffic, "failure_rates_by_country_and_error_code", EVERYTHING)

    assert _only(rows, "country", "error_code", "events", "finished", "rate") == [
        ("US", 4770, 90, 200, 0.45),
        ("US", 4432, 8, 200, 0.04),
        ("US", 9902, 5, 200, 0.025),
        ("JM", 4770, 3, 10, 0.3),
        ("US", None, 2, 200, 0.01),
    ]
    assert _only(rows, "low", "high")[3] == pytest.approx(wilson(3, 10))
    assert _only(rows, "enough")[3] == (False,)


@pytest.mark.parametrize(
    ("name", "keys", "rows"),
    [
        (
            "overview",
            ("failed", "finished"),
            [(NOON, 28, 110), (at("13:00:00"), 75, 100)],
        ),
        (
            "failure_rates_by_country",
            ("country", "failed", "finished"),
            [
                (NOON, "US", 25, 100),
                (NOON, "JM", 3, 10),
                (at("13:00:00"), "US", 75, 100),
            ],
        ),
        (
            "failure_rates_by_error_code",
            ("error_code", "events", "finished"),
            [
                (NOON, 4770, 18, 110),
                (NOON, 4432, 8, 110),
                (NOON, 9902, 5, 110),
                (NOON, None, 2, 110),
                (at("13:00:00"), 4770, 75, 100),
            ],
        ),
        (
            "failure_rates_by_country_and_error_code",
            ("country", "error_code", "events", "finished"),
            [
                (NOON, "US", 4770, 15, 100),
                (NOON, "US", 4432, 8, 100),
                (NOON, "US", 9902, 5, 100),
                (NOON, "JM", 4770, 3, 10),
                (NOON, "US", None, 2, 100),
                (at("13:00:00"), "US", 4770, 75, 100),
            ],
        ),
    ],
)
def test_window_gives_each_group_a_row_a_window(
    traffic: Archive, name: str, keys: tuple[str, ...], rows: list[tuple[Any, ...]]
) -> None:
    """The same groups hour by hour, the window's start first, each with its sample."""
    period = Period(EVERYTHING.since, EVERYTHING.until, HOUR)
    found = _report(traffic, name, period)

    assert next(iter(found[0])) == "window_start"
    assert _only(found, "window_start", *keys) == rows


@pytest.mark.parametrize("name", [query.name for query in queries.of_kind("report")])
def test_report_over_an_empty_archive_has_no_rows(archive: Archive, name: str) -> None:
    """Before the first callback there is nothing to say, and no error."""
    assert _report(archive, name, EVERYTHING) == []


def test_nothing_finished_has_no_rate(archive: Archive) -> None:
    """Messages on their way are no sample: the rates are null, and too few to tell."""
    archive.add_counts([cell(30, outcome="in_progress")])
    rows = _report(archive, "overview", EVERYTHING)

    assert _only(
        rows, "finished", "failure_rate", "low", "high", "delivery_rate", "enough"
    ) == [(0, None, None, None, None, False)]


def test_parts_add_up_to_the_whole(traffic: Archive) -> None:
    """Codes, countries and pairs of them all sum to the overview."""
    ((failed, unknown, finished),) = _only(
        _report(traffic, "overview", EVERYTHING), "failed", "unknown", "finished"
    )
    by_code = _report(traffic, "failure_rates_by_error_code", EVERYTHING)
    by_country = _report(traffic, "failure_rates_by_country", EVERYTHING)
    by_both = _report(traffic, "failure_rates_by_country_and_error_code", EVERYTHING)

    assert sum(row["events"] for row in by_code) == failed + unknown
    assert sum(row["events"] for row in by_both) == failed + unknown
    assert sum(row["finished"] for row in by_country) == finished


def test_unknown_report_lists_those_there_are() -> None:
    """A mistyped name is answered with the right ones."""
    with pytest.raises(ConfigurationError, match="failure_rates_by_country"):
        reports.named("failure_rate")
