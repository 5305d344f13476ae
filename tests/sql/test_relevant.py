"""Pruning by the log's statistics: fewer files are read, and nothing is missed."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.warehouse import queries, relevant, reports, snapshot
from streams.warehouse.connection import connect_over
from streams.warehouse.period import Period
from tests.sql.archive import NOON, Archive, Row, callback, parked
from tests.sql.reported import failed

DAY = timedelta(days=1)
NOON_DAY = Period(NOON, NOON + timedelta(hours=1))
LAST_YEAR, NEXT_WEEK = NOON - 365 * DAY, NOON + 7 * DAY


def _at(offset: int, received_at: Any, **changed: Any) -> Row:  # noqa: ANN401
    received = {"received_at": received_at, "received_date": received_at.date()}
    times = {"event_time": received_at, "message_time": received_at}
    return callback(offset, **{**received, **times, **failed(5600), **changed})


# Each is a commit, and so a file, of its own.
FILES = {
    "long before": _at(0, LAST_YEAR),
    "in the period": _at(1, NOON),
    "told a week late": _at(2, NEXT_WEEK, event_time=NOON, message_time=NOON),
    "imported next week": _at(3, NEXT_WEEK, event_time=LAST_YEAR, source="import"),
    "no event time": _at(4, NOON, event_time=None, message_time=None),
    "a clock a year ahead": _at(5, NOON, event_time=NOON + 365 * DAY),
    "sent three days before": _at(6, NOON, message_time=NOON - 3 * DAY),
    "could not be read": parked(7),
    "long after": _at(8, NEXT_WEEK),
}
READ = {
    "event time": {
        *("in the period", "told a week late", "no event time"),
        *("a clock a year ahead", "sent three days before", "could not be read"),
    },
    "send time": {
        *("in the period", "told a week late", "no event time"),
        *("could not be read", "a clock a year ahead"),
    },
    "received at": {
        *("in the period", "no event time", "a clock a year ahead"),
        *("sent three days before", "could not be read"),
    },
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Commit each row by itself; the tests only read it."""
    archive = Archive(tmp_path_factory.mktemp("a folder with blanks"))
    for row in FILES.values():
        archive.add_callbacks([row])
    return archive


@pytest.mark.parametrize("time", sorted(READ))
def test_only_files_that_may_hold_a_row_are_read(files: Archive, time: str) -> None:
    """Which ones, by the time that the period is of; all that are read exist."""
    taken = snapshot.take(files.data_dir)
    reach = relevant.Reach(time, NOON_DAY.since, NOON_DAY.until)
    with connect_over(taken) as connection:
        relevant.narrow(connection, taken.callbacks, reach)
        offsets = connection.execute("select kafka_offset from callbacks").fetchall()
        read = connection.execute("select getvariable('callbacks_files')").fetchone()

    names = list(FILES)
    assert {names[offset] for (offset,) in offsets} == READ[time]
    assert read is not None
    assert all(Path(file).is_file() for file in read[0])


@pytest.mark.parametrize(
    "period",
    [
        pytest.param(NOON_DAY, id="an hour"),
        pytest.param(Period(LAST_YEAR - DAY, LAST_YEAR + DAY), id="last year"),
        pytest.param(Period(NOON - 30 * DAY, NOON - 29 * DAY), id="nothing"),
    ],
)
def test_pruned_reports_say_the_same(files: Archive, period: Period) -> None:
    """Whatever is left out, the rows are those of a report that reads all."""
    taken = snapshot.take(files.data_dir)
    until = relevant.received_until(taken.callbacks)
    assert until == NEXT_WEEK
    with connect_over(taken) as whole, connect_over(taken) as pruned:
        for report in queries.of_kind("report"):
            reports.narrow(pruned, taken, report, period)
            found = reports.run(pruned, report, period, received_until=until)
            expected = reports.run(whole, report, period)
            assert (report.name, list(found.values)) == (
                *(report.name, list(expected.values)),
            )


@pytest.mark.parametrize("time", sorted(READ))
def test_file_without_statistics_is_read(time: str) -> None:
    """What the log does not tell may be of the period; what is all null is not."""
    reach = relevant.Reach(time, NOON_DAY.since, NOON_DAY.until)
    nulls = {
        f"null_count.{name}": 5
        for name in ("event_time", "message_time", "received_at")
    }

    assert reach.may_hold({"path": "a"})
    assert reach.may_hold({"path": "a", "num_records": 5})
    assert not reach.may_hold({"path": "a", "num_records": 5, **nulls})


def test_archive_without_rows_prunes_nothing(archive: Archive) -> None:
    """Before the first callback there is no file, no statistics, and no error."""
    taken = snapshot.take(archive.data_dir)

    assert relevant.received_until(taken.callbacks) is None
