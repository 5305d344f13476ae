"""Windows in SQL lie where DuckDB's own time_bucket puts them."""

import pytest

from streams.core.problems import reason_of
from tests.sql.archive import Archive, warehouse


@pytest.mark.parametrize(
    "length",
    ["1 minute", "5 minutes", "7 minutes", "1 hour", "6 hours", "1 day", "7 days"],
)
def test_window_is_that_of_time_bucket(archive: Archive, length: str) -> None:
    """For times of 1970 to 2199, before and after the day windows are counted from."""
    assert archive.rows(
        f"""
        with times as (
            select timestamptz '1970-01-01' + to_microseconds(n * n * 7253) as time
            from range(0, 30000000, 9973) as t(n)
        )
        select count(*) > 2000, bool_and(
            window_of(time, interval '{length}')
            = time_bucket(interval '{length}', time)
        ), min(time) < '1971-01-01', max(time) > '2170-01-01'
        from times
        """
    ) == [(True, True, True, True)]


def test_window_holds_its_start_and_not_its_end(archive: Archive) -> None:
    """A time at a boundary opens the next window; without a length there is none."""
    assert archive.rows(
        """
        select
            window_of(timestamptz '2026-05-04 10:05:00', interval '5 minutes')
            = '2026-05-04 10:05:00',
            window_of(timestamptz '2026-05-04 10:09:59.999999', interval '5 minutes')
            = '2026-05-04 10:05:00',
            window_of(timestamptz '2026-05-04 10:05:00', null::interval)
        """
    ) == [(True, True, None)]


@pytest.mark.parametrize(
    "problem",
    [
        "[0].message.to[1]: not JSON, trailing comma in array (line 13, column 9)",
        "[12]: not an object",
        "empty body",
        "message.id: missing",
        "[0].note: not JSON, not UTF-8 (line 1, column 428)",
        "[0].a (line 1, column 2).b: missing",
        "",
    ],
)
def test_reason_is_that_of_python(archive: Archive, problem: str) -> None:
    """The report of dead letters gathers as the command dead-letters does."""
    with warehouse(archive) as connection:
        found = connection.execute("select reason_of($1)", [problem]).fetchone()

    assert found == (reason_of(problem),)
