"""Reports: which there are, and running one."""

import sys
from dataclasses import replace
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.archive.schema import RULES_VERSION
from streams.settings import ConfigurationError
from streams.warehouse import output, positions, queries, rows, snapshot
from streams.warehouse.connection import connect_over
from streams.warehouse.period import EVERYTHING

if TYPE_CHECKING:
    import duckdb

    from streams.warehouse.period import Period
    from streams.warehouse.snapshot import Snapshot

WINDOW_COLUMN = "window_start"


def listed() -> rows.Rows:
    """List the reports: name and question."""
    found = ((query.name, query.question) for query in queries.of_kind("report"))
    return rows.Rows(("name", "question"), ("VARCHAR", "VARCHAR"), iter(found))


def named(name: str) -> queries.Query:
    """Return a report.

    Raises:
        ConfigurationError: There is none of that name; the message lists all.
    """
    reports = {query.name: query for query in queries.of_kind("report")}
    if name not in reports:
        raise ConfigurationError(
            f"There is no report {name!r}; there are {', '.join(reports)}."
        )
    return reports[name]


def run(
    connection: "duckdb.DuckDBPyConnection", report: queries.Query, period: "Period"
) -> rows.Rows:
    """Run a report over a period.

    Returns:
        Its rows; column ``window_start`` only when the period has windows.
    """
    values: dict[str, Any] = {
        "since": period.since,
        "until": period.until,
        "window": period.window,
    }
    given = {name: values[name] for name in report.params}
    result = rows.of(connection.execute(report.sql, given))
    if result is None:
        raise queries.HeaderError(f"{report.name} gives no rows")
    return result if period.window else result.without(WINDOW_COLUMN)


def show(
    data_dir: Path,
    name: str,
    period: "Period",
    form: output.Format,
    most: int | None = None,
) -> None:
    """Print a report, in a table under its question and its period.

    Args:
        data_dir: The data folder.
        name: The report's name.
        period: Of which time.
        form: How rows are printed.
        most: How many rows are printed at most; None prints all.

    Raises:
        ConfigurationError: There is no such report, or a table cannot be opened.
    """
    report = named(name)
    taken = snapshot.take(data_dir)
    with connect_over(taken) as connection:
        found = run(connection, report, period)
        first = list(islice(found.values, 1))
        found = replace(found, values=chain(first, found.values))
        if form is output.Format.TABLE:
            print(heading(report, period))  # noqa: T201 - what the command is for
        output.write(found if most is None else found.first(most), form)
        if not first:
            _say_what_waits(connection, taken)


def _say_what_waits(connection: "duckdb.DuckDBPyConnection", taken: "Snapshot") -> None:
    """Say on standard error that archived events are in no report yet, if so."""
    positions.show(connection, taken)
    counting = positions.counting(connection, RULES_VERSION)
    if counting.not_counted:
        print(  # noqa: T201 - what the command is for
            f"{counting.not_counted_words}: the counts are written about once a "
            f"minute.",
            file=sys.stderr,
        )


def heading(report: queries.Query, period: "Period") -> str:
    """Say what a report asks, of which time, and what it counts."""
    if (period.since, period.until) == (EVERYTHING.since, EVERYTHING.until):
        time = "all time"
    else:
        time = f"{_shown(period.since)} to {_shown(period.until)} UTC"
    return f"{report.question}\n{time}, counting {report.counts}"


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"
