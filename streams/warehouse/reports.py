"""Reports: which there are, and running one."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.settings import ConfigurationError
from streams.warehouse import output, queries, rows
from streams.warehouse.connection import connect
from streams.warehouse.period import EVERYTHING

if TYPE_CHECKING:
    import duckdb

    from streams.warehouse.period import Period

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
    with connect(data_dir) as connection:
        found = run(connection, report, period)
        if form is output.Format.TABLE:
            print(heading(report, period))  # noqa: T201 - what the command is for
        output.write(found if most is None else found.first(most), form)


def heading(report: queries.Query, period: "Period") -> str:
    """Say what a report asks, of which time, and what it counts."""
    if (period.since, period.until) == (EVERYTHING.since, EVERYTHING.until):
        time = "all time"
    else:
        time = f"{_shown(period.since)} to {_shown(period.until)} UTC"
    return f"{report.question}\n{time}, counting {report.counts}"


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"
