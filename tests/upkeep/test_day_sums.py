"""Sums by the day: reports say the same with them as without, whatever is missing."""

import os
import random
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from streams.archive import schema, upkeep
from streams.archive.day_sums import FOLDER, SUPERSEDED
from streams.warehouse import (
    check,
    choice,
    maintain,
    page,
    queries,
    reports,
    snapshot,
    summed,
)
from streams.warehouse.connection import connect_over
from streams.warehouse.output import Format
from streams.warehouse.period import EVERYTHING, Period
from streams.warehouse.queries import Query
from tests.upkeep.writing import Writer

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FIRST, DAYS = date(2026, 10, 20), 30
TODAY = FIRST + DAYS * DAY
NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)
BEGIN = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
SUMMED = [query for query in queries.of_kind("report") if query.sums]
TOLD_BY_THE_MINUTE = {"new_error_codes"}


def run(data_dir: Path, now: datetime = NOW, grace: timedelta = DAY) -> None:
    """Run upkeep."""
    maintain.run(data_dir, maintain.Wanted(grace), now, lambda _what, _done, _all: None)


def kept(data_dir: Path) -> set[str]:
    """Return the names of the files of sums."""
    folder = schema.window_counts_path(data_dir) / FOLDER
    return {path.name for path in folder.glob("*")}


@pytest.fixture(scope="module")
def first_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write thirty days and today; events of midnight come on the day after, too."""
    folder = tmp_path_factory.mktemp("days")
    writer = Writer(folder)
    for number in range(DAYS + 1):
        day = BEGIN + number * DAY
        for hour in (0.2, 23.8):
            writer.flush(day + hour * HOUR, rows=8)
        writer.count(day.date())
    run(folder)
    return folder


@pytest.fixture(scope="module")
def by_the_minute(first_days: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a warehouse that reads no sums."""
    with connect_over(snapshot.take(first_days)) as opened:
        yield opened


@pytest.fixture
def days(first_days: Path, tmp_path: Path) -> Path:
    """Give the test its own copy."""
    return Path(shutil.copytree(first_days, tmp_path / "data"))


def answer(
    data_dir: Path,
    report: Query,
    period: Period,
    chosen: choice.Choice = choice.NO_CHOICE,
    *,
    with_sums: bool,
) -> tuple[bool, list[Sequence[object]]]:
    """Run a report; tell whether it read sums, and its rows."""
    taken = snapshot.take(data_dir)
    with connect_over(taken) as opened:
        if with_sums:
            asked = page.Asked(report, period, chosen)
            reports.use_sums(opened, taken, asked, Format.JSON)
        found = list(reports.run(opened, report, period, chosen).values)
        [(reads,)] = opened.execute(
            "select count(*) from duckdb_views() where view_name = 'day_sums'"
        ).fetchall()
    return bool(reads), found


def periods(report: Query) -> Iterator[Period]:
    """Yield some that begin and end anywhere, cut into windows or not."""
    draw = random.Random(report.name)  # noqa: S311 - no secret
    whole, parts = [DAY, 2 * DAY, 7 * DAY], [HOUR, 36 * HOUR]
    cuts = [draw.choice(whole), draw.choice(parts)] if "window" in report.params else []
    for window in (None, *cuts):
        since = BEGIN + draw.randrange(0, 20 * 1440) * timedelta(minutes=1)
        length = draw.randrange(3 * 1440, 14 * 1440) * timedelta(minutes=1)
        yield Period(since, since + length, window)
    yield draw.choice([EVERYTHING, Period(BEGIN, BEGIN + 10 * DAY)])


@pytest.mark.parametrize("report", SUMMED, ids=[query.name for query in SUMMED])
def test_reports_say_the_same(
    first_days: Path, by_the_minute: duckdb.DuckDBPyConnection, report: Query
) -> None:
    """With sums and without, to the last digit; sums are read where they can be."""
    for period in periods(report):
        expected = list(reports.run(by_the_minute, report, period).values)
        found = answer(first_days, report, period, with_sums=True)
        assert (period, found[1]) == (period, expected)
        assert found[0] == (not period.window or not period.window % DAY)


@pytest.mark.parametrize("by", ["carrier,code", "application", "sender"])
def test_groups_and_filters_say_the_same(first_days: Path, by: str) -> None:
    """Senders are told by the events; of those nothing is summed."""
    chosen = choice.of({"country": ["CA", "US"]}, by, None)
    report = reports.named("failure_rates", chosen)
    period = Period(BEGIN + 7 * HOUR, BEGIN + 9 * DAY + HOUR, 2 * DAY)

    expected = answer(first_days, report, period, chosen, with_sums=False)
    found = answer(first_days, report, period, chosen, with_sums=True)

    assert found[1] == expected[1]
    assert found[0]
    assert found[1]


def test_every_report_of_counts_may_read_sums() -> None:
    """Only those that tell a minute, or single senders and tags, may not."""
    of_counts = {
        query.name
        for query in queries.of_kind("report")
        if {"cell_macros", "rate_report_macros", "stored_window_counts"}
        & set(query.depends)
    }
    by_events = {"failure_rates_by_sender", "failure_rates_by_tag"}

    assert {query.name for query in SUMMED} == (
        of_counts - TOLD_BY_THE_MINUTE - by_events
    )


def test_a_file_for_each_month(days: Path) -> None:
    """Upkeep leaves them alone afterwards, and so does what removes old files."""
    names = kept(days)
    assert {name[:9] for name in names} == {"1-2026-10", "1-2026-11"}
    assert len(names) == 2

    run(days, grace=timedelta(0))

    assert kept(days) == names
    assert check.run(days).findings == ()


def test_a_further_date_makes_the_sums_of_its_month_anew(days: Path) -> None:
    """The old ones stay for the grace: a report may have begun with them."""
    before = kept(days)
    run(days, NOW + DAY)
    after = kept(days)

    [old] = before - {name for name in after if f"{name}{SUPERSEDED}" not in after}
    assert after - before == {
        f"{old}{SUPERSEDED}",
        *(name for name in after if name not in before and name.endswith(".parquet")),
    }
    assert len(after) == 4
    folder = schema.window_counts_path(days) / FOLDER
    long_ago = (NOW - DAY).timestamp()
    os.utime(folder / f"{old}{SUPERSEDED}", (long_ago, long_ago))
    run(days, NOW + DAY + HOUR)
    assert kept(days) == after - {old, f"{old}{SUPERSEDED}"}


def test_sums_that_are_gone_are_made_again(days: Path) -> None:
    """They are a copy: reports read the minutes until then."""
    names = kept(days)
    shutil.rmtree(schema.window_counts_path(days) / FOLDER)
    report = reports.named("overview")
    period = Period(BEGIN, BEGIN + 20 * DAY)
    without = answer(days, report, period, with_sums=True)
    assert not without[0]

    run(days)

    assert kept(days) == names
    assert answer(days, report, period, with_sums=True) == (True, without[1])


def test_sums_of_what_has_left_the_table_are_not_read(days: Path) -> None:
    """The other month's still are; the next run makes those of the rest."""
    keeper = upkeep.window_counts(days)
    [first, *_] = [file for file in keeper.files() if file.date == FIRST]
    keeper.drop([first], {})
    report = reports.named("failure_rates_by_country")

    expected = answer(days, report, EVERYTHING, with_sums=False)[1]
    assert answer(days, report, EVERYTHING, with_sums=True) == (True, expected)

    run(days)
    assert answer(days, report, EVERYTHING, with_sums=True) == (True, expected)
    assert len([name for name in kept(days) if name.startswith("1-2026-10")]) == 3


def test_wrong_sums_are_found(days: Path) -> None:
    """Nobody has to trust them: the check adds the minutes up."""
    folder = schema.window_counts_path(days) / FOLDER
    october, november = sorted(folder.glob("*"))
    shutil.copy(october, november)

    found = check.run(days)

    assert {finding.check for finding in found.findings} == {"day_sums_match_counts"}
    assert any('"summed_events":0' in finding.found for finding in found.findings)


def test_a_kill_leaves_nothing_that_is_read(days: Path) -> None:
    """Half a file has another name, and is removed when the grace is over."""
    folder = schema.window_counts_path(days) / FOLDER
    half = folder / "1-2026-11-half.parquet.part"
    half.write_bytes(b"PAR1")
    before = kept(days)

    assert check.run(days).findings == ()
    run(days, grace=timedelta(0))
    run(days, datetime.now(UTC) + HOUR, grace=timedelta(0))

    assert half.name not in kept(days)
    assert before - {half.name} <= kept(days) | before


def test_short_periods_do_not_look_for_sums() -> None:
    """Three days are read by the minute: it is as fast."""
    asked = summed.Asked([BEGIN, BEGIN + 2 * DAY + 23 * HOUR], [None])

    assert not asked.days_are_enough
    assert summed.Asked([BEGIN, BEGIN + 3 * DAY], [None]).days_are_enough


def test_days_that_are_cut_in_two_are_named() -> None:
    """Whole days are not among them."""
    times = [BEGIN, BEGIN + DAY + HOUR, BEGIN + DAY + 2 * HOUR, BEGIN + 9 * DAY]

    assert summed.Asked(times, [None]).edge_days == [BEGIN + DAY]
