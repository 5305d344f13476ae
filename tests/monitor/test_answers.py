"""Answers of GET /api/rates equal SQL over the archive, wherever their parts lie."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from streams.warehouse import connect, period, reports
from tests.monitor.world import HOURS, Monitor, failed
from tests.sql.archive import NOON, Archive, Row, cell

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUESTIONS = 30
COUNTRIES = ["US", "MX", "BR", "ZZ", None]
OUTCOMES: list[tuple[str, list[int | None]]] = [
    ("delivered", [None]),
    ("failed", [4770, 4720, None]),
    ("unknown", [9902]),
    ("in_progress", [None]),
]
REPORTS = {
    ("country",): "failure_rates_by_country",
    ("error_code",): "failure_rates_by_error_code",
    ("country", "error_code"): "failure_rates_by_country_and_error_code",
}


def increments(draw: random.Random, count: int, **place: Any) -> list[Row]:  # noqa: ANN401
    """Draw increments of the last forty days, most of them of today."""
    rows = []
    for _ in range(count):
        back = draw.choice([90, 1_440, 1_600, 57_600])
        outcome, codes = draw.choice(OUTCOMES)
        rows.append(
            cell(
                draw.randint(1, 30),
                window_start=NOON - timedelta(minutes=draw.randrange(back)),
                country=draw.choice(COUNTRIES),
                carrier=draw.choice(["AT&T", "", None]),
                outcome=outcome,
                error_code=draw.choice(codes),
                **place,
            )
        )
    return rows


@pytest.fixture
def draw() -> random.Random:
    """Return the same numbers each time."""
    return random.Random(8)  # noqa: S311 - a test's data


async def two_thirds_published(
    monitor: Monitor, whole: Archive, draw: random.Random
) -> duckdb.DuckDBPyConnection:
    """Fill a table, publish what comes after it, and write all of it into another.

    Of partition 1 the table is ahead of what the reader may use: its newest increments
    are of a base whose complete message has not come.
    """
    first = [*increments(draw, 150), *increments(draw, 150, kafka_partition=1)]
    monitor.archive.add_counts(first)
    await monitor.load()
    second = increments(draw, 80, from_position=100, to_position=180)
    monitor.publish(second, base=100, position=180)
    third = increments(draw, 80, kafka_partition=1, from_position=100, to_position=180)
    monitor.publish(third, base=100, position=180, partition=1)
    monitor.archive.add_counts(third)
    await monitor.live._look()  # noqa: SLF001 - as its task does
    whole.add_counts([*first, *second, *third])
    return connect(whole.data_dir)


def asked(draw: random.Random) -> tuple[datetime, datetime, str | None]:
    """Draw a period and a window; ends lie inside of windows, too."""
    window = draw.choice([None, "1m", "5m", "1h", "7h", "1d"])
    back = draw.choice([HOUR, 25 * HOUR, HOURS * HOUR, 3 * DAY, 40 * DAY])
    if window in {"1m", "5m"}:
        back = min(back, 3 * DAY)
    since = NOON - back * draw.uniform(0.5, 1)
    return since, since + back * draw.uniform(0.1, 1.2), window


def in_sql(
    connection: duckdb.DuckDBPyConnection,
    by: tuple[str, ...],
    since: datetime,
    until: datetime,
    window: str | None,
) -> list[dict[str, Any]]:
    """Run the report for these dimensions, as `undelivered report` does."""
    meant = period.of(since.isoformat(), until.isoformat(), window, NOON)
    found = reports.run(connection, reports.named(REPORTS[by]), meant)
    rows = [dict(zip(found.names, row, strict=True)) for row in found.values]
    for row in rows:
        if window:
            start = row["window_start"].astimezone(UTC)
            row["window_start"] = f"{start:%Y-%m-%dT%H:%M:%SZ}"
        else:
            row["window_start"] = f"{meant.since:%Y-%m-%dT%H:%M:%SZ}"
    return rows


def assert_same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Compare the columns that the API has, row by row, in order."""
    assert len(found) == len(expected)
    for mine, other in zip(found, expected, strict=True):
        assert mine == pytest.approx({name: other[name] for name in mine})


async def test_answers_equal_the_reports(
    monitor: Monitor, draw: random.Random, tmp_path: Path
) -> None:
    """Any period and window, in memory, in the table, across both, ahead of it."""
    whole = await two_thirds_published(monitor, Archive(tmp_path / "whole"), draw)
    compared, sources = 0, set()

    for _ in range(QUESTIONS):
        by = draw.choice(list(REPORTS))
        since, until, window = asked(draw)
        params = {"since": since.isoformat(), "until": until.isoformat()}
        params |= {"by": ",".join(by)} | ({"window": window} if window else {})
        answer = (await monitor.get("/api/rates", **params)).json()

        expected = in_sql(whole, by, since, until, window)
        assert_same(answer["rows"], expected)
        compared += len(expected)
        where = answer["sources"]
        sources.add((where["memory"] is not None, where["table"] is not None))

    whole.close()
    assert compared > 100
    assert sources == {(True, False), (False, True), (True, True)}


async def test_filters_equal_an_archive_of_what_they_let_in(
    monitor: Monitor, draw: random.Random, tmp_path: Path
) -> None:
    """Filters by country and carrier: as if nothing else had ever been sent."""
    whole, some = Archive(tmp_path / "whole"), Archive(tmp_path / "some")
    (await two_thirds_published(monitor, whole, draw)).close()
    wanted = whole.rows(
        "select * from stored_window_counts where coalesce(country, '') in ('MX', '')"
        " and coalesce(carrier, '') = ''"
    )
    names = [name for name, *_ in whole.rows("describe stored_window_counts")]
    some.add_counts([dict(zip(names, row, strict=True)) for row in wanted])

    since, until = NOON - 40 * DAY, NOON + HOUR
    with connect(some.data_dir) as connection:
        rows = await monitor.rows(
            since=since.isoformat(),
            until=until.isoformat(),
            by="country,error_code",
            country=["MX", ""],
            carrier="",
        )
        expected = in_sql(connection, ("country", "error_code"), since, until, None)
        assert rows
        assert_same(rows, expected)


@pytest.mark.parametrize("window", [None, "1h", "7h", "1d"])
async def test_comparison_reaches_into_the_table(
    monitor: Monitor, window: str | None
) -> None:
    """The earlier period lies in the table, cut where no window of its own begins."""
    then = NOON - timedelta(days=3, minutes=17)
    monitor.archive.add_counts(
        [
            cell(900),
            failed(100),
            cell(990, window_start=then),
            failed(10, window_start=then),
            failed(5, window_start=then - 2 * DAY),
        ]
    )
    await monitor.load()
    more = {} if window is None else {"window": window}

    rows = await monitor.rows(
        since=(NOON - HOUR).isoformat(),
        until=(NOON + HOUR).isoformat(),
        compare="4337m",
        **more,
    )

    (row,) = [each for each in rows if each["finished"]]
    assert (row["failed"], row["finished"]) == (100, 1_000)
    assert (row["earlier"]["failed"], row["earlier"]["finished"]) == (10, 1_000)
    assert row["change"] == pytest.approx(0.09)
    assert row["change_low"] < row["change"] < row["change_high"]
    assert row["is_more_than_chance"] is True


async def test_answer_says_how_far_it_is_and_where_from(monitor: Monitor) -> None:
    """as_of, provisional_from, the parts' sources, and positions to compare at."""
    monitor.archive.add_counts([cell(7)])
    await monitor.load()
    as_of = NOON + timedelta(minutes=33, seconds=10, milliseconds=5)
    monitor.publish([failed(3)], base=100, position=120, as_of=as_of)

    answer = (
        await monitor.get(
            "/api/rates",
            since="2026-05-01T10:00",
            until="2026-05-04T12:34",
            window="5m",
        )
    ).json()

    assert answer["as_of"] == "2026-05-04T12:33:10.005Z"
    assert answer["provisional_from"] == "2026-05-04T12:30:00Z"
    assert (answer["since"], answer["until"]) == (
        "2026-05-01T10:00:00Z",
        "2026-05-04T12:35:00Z",
    )
    split = "2026-05-03T10:00:00Z"
    assert answer["sources"] == {
        "memory": {"since": split, "until": answer["until"]},
        "table": {"since": answer["since"], "until": split, "version": 0},
        "positions": {"a-log/0": 120},
    }
    assert [row["failed"] for row in answer["rows"]] == [3]
    assert answer["problems"] == []


async def test_default_is_the_last_hour_in_one_row(monitor: Monitor) -> None:
    """Half past noon by the clock: an event before half past eleven is not in it."""
    monitor.archive.add_counts(
        [cell(7), cell(9, window_start=NOON - timedelta(minutes=31))]
    )
    await monitor.load()

    (row,) = await monitor.rows()

    assert (row["window_start"], row["finished"]) == ("2026-05-04T11:30:00Z", 7)


async def test_more_cells_than_memory_may_hold_are_read_of_the_table(
    monitor: Monitor, draw: random.Random, tmp_path: Path
) -> None:
    """With room for few cells the oldest hours are let go; answers stay the same."""
    monitor.live.totals._most_cells = 50  # noqa: SLF001 - as a setting would
    monitor.live._limits = type(monitor.live._limits)(HOURS, 50)  # noqa: SLF001
    whole = await two_thirds_published(monitor, Archive(tmp_path / "whole"), draw)
    monitor.live.totals.settle()

    answer = (
        await monitor.get("/api/rates", since="25h", until="0m", by="country")
    ).json()

    assert answer["sources"]["table"] is not None
    since, until = (datetime.fromisoformat(answer[n]) for n in ("since", "until"))
    expected = in_sql(whole, ("country",), since, until, None)
    whole.close()
    assert_same(answer["rows"], expected)
