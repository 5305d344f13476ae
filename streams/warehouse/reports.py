"""Reports: which there are, and running one."""

import sys
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TextIO

from streams.archive.schema import RULES_VERSION
from streams.archive.site import Where
from streams.settings import ConfigurationError
from streams.warehouse import (
    choice,
    output,
    page,
    positions,
    queries,
    relevant,
    rows,
    sent_words,
    snapshot,
    summed,
    trend,
)
from streams.warehouse.connection import connect_over
from streams.warehouse.output import people
from streams.warehouse.period import EARLIEST, LATEST, duration

if TYPE_CHECKING:
    import duckdb

    from streams.warehouse.choice import Choice
    from streams.warehouse.period import Period
    from streams.warehouse.snapshot import Snapshot

WINDOW_COLUMN = "window_start"
# What --by makes of one report when it names the error code.
_GROUPED, _GROUPED_WITH_CODE = "failure_rates", "error_code_rates"
_ON_ONE_SCREEN = 30
_READS_EVERYTHING = "all"
_BY_DAY = "day"
# The archive is asked how far it is where the caller does not say.
_RECEIVED_UNTIL = "select max(received_at) from stored_callbacks"


def listed() -> rows.Rows:
    """List the reports: name and question."""
    found = ((query.name, query.question) for query in queries.of_kind("report"))
    return rows.Rows(("name", "question"), ("VARCHAR", "VARCHAR"), iter(found))


def named(name: str, chosen: "Choice" = choice.NO_CHOICE) -> queries.Query:
    """Return a report.

    Args:
        name: Its name.
        chosen: What it is asked for; groups by error code are a report of their own.

    Raises:
        ConfigurationError: There is none of that name, and the message lists all; or it
            does not take an option of the choice.
    """
    reports = {query.name: query for query in queries.of_kind("report")}
    if name not in reports:
        raise ConfigurationError(
            f"There is no report {name!r}; there are {', '.join(reports)}."
        )
    if name == _GROUPED and choice.ERROR_CODE in (chosen.by or ()):
        name = _GROUPED_WITH_CODE
    chosen.require_taken_by(reports[name])
    return reports[name]


def run(
    connection: "duckdb.DuckDBPyConnection",
    report: queries.Query,
    period: "Period",
    chosen: "Choice" = choice.NO_CHOICE,
    received_until: datetime | None = None,
) -> rows.Rows:
    """Run a report over a period.

    Args:
        connection: The warehouse.
        report: The report.
        period: Of which time.
        chosen: What it is asked for.
        received_until: How far the archive is; None asks the connection.

    Returns:
        Its rows; column ``window_start`` only when the period has windows, and of the
        dimensions of groups only those that were chosen.

    Raises:
        ConfigurationError: The period has windows and the report has none.
    """
    if period.window and "window" not in report.params:
        raise ConfigurationError(
            f"Report {report.name} has no windows: leave --window out."
        )
    given = parameters(report, period, chosen)
    if "received_until" in report.params:
        given["received_until"] = received_until or _received_until(connection)
    result = rows.of(connection.execute(report.sql, given))
    if result is None:
        raise queries.HeaderError(f"{report.name} gives no rows")
    hidden = [] if period.window else [WINDOW_COLUMN]
    if "by" in report.params:
        hidden += [n for n in choice.GROUP_COLUMNS if n not in chosen.groups]
        hidden = [n for n in hidden if n != choice.ERROR_CODE]
    return result.without(*hidden)


def parameters(
    report: queries.Query, period: "Period", chosen: "Choice" = choice.NO_CHOICE
) -> dict[str, Any]:
    """Return the values of a report's parameters by name, all bound, none written in.

    What only the archive knows, ``received_until``, is not among them.
    """
    values: dict[str, Any] = {
        "since": period.since,
        "until": period.until,
        "window": period.window,
        "history": _history_begins(report, period),
        **chosen.values(period),
    }
    return {name: values[name] for name in report.params if name in values}


def _history_begins(report: queries.Query, period: "Period") -> datetime:
    """Return where what a report reads begins: at its period, or its history before."""
    back = _days(report.history)
    return max(period.since - back, EARLIEST) if period.since > EARLIEST else EARLIEST


def _days(history: str) -> timedelta:
    """Read ``history`` or ``beyond`` of a header, such as ``14 days``."""
    number, _, unit = history.partition(" ")
    return (duration(number + unit[:1]) if unit else None) or timedelta(0)


def _received_until(connection: "duckdb.DuckDBPyConnection") -> datetime | None:
    found: tuple[datetime | None] | None
    found = connection.execute(_RECEIVED_UNTIL).fetchone()
    return found[0] if found else None


def show(  # noqa: PLR0913 - what can be asked of a report
    where: Where,
    name: str,
    period: "Period",
    form: output.Format,
    most: int | None = None,
    *,
    chosen: "Choice" = choice.NO_CHOICE,
) -> None:
    """Print a report, in a table under its question and its period.

    Args:
        where: Where the archive lies.
        name: The report's name.
        period: Of which time.
        form: How rows are printed.
        most: How many rows are printed at most; None prints all.
        chosen: What it is asked for.

    Raises:
        ConfigurationError: There is no such report, it does not take an option, or a
            table cannot be opened.
    """
    report = named(name, chosen)
    taken = snapshot.take(where)
    received_until = relevant.received_until(taken.callbacks)
    asked = page.Asked(report, period, chosen, received_until, most)
    with connect_over(taken) as connection:
        narrow(connection, taken, report, period, chosen)
        use_sums(connection, taken, asked, form)
        has_rows = answer(connection, asked, form)
        if sent_words.are_for(report) and not (has_rows and taken.sent.files()):
            given = parameters(report, period, chosen)
            for line in sent_words.of(connection, taken, given):
                print(line, file=sys.stderr)  # noqa: T201 - what the command is for
    if not has_rows:
        with connect_over(taken) as connection:
            _say_what_waits(connection, taken)


def answer(
    connection: "duckdb.DuckDBPyConnection",
    asked: page.Asked,
    form: output.Format,
    to: TextIO | None = None,
) -> bool:
    """Print what a connection says to a report.

    Args:
        connection: The warehouse.
        asked: The report, and what it is asked for.
        form: How rows are printed.
        to: Where to; standard output by default.

    Returns:
        Whether there was any row.
    """
    report, period, chosen = asked.report, asked.period, asked.chosen
    found = run(connection, report, period, chosen, asked.received_until)
    first = list(islice(found.values, 1))
    found = replace(found, values=chain(first, found.values))
    if form is output.Format.TABLE:
        trends = trend.NO_TRENDS
        if cut := _cut(report, period):
            # The connection gives up a result when it runs the report once more.
            found = replace(found, values=iter(list(found.values)))
            by_window = run(connection, report, cut, chosen)
            trends = trend.drawn(cut, by_window.names, by_window.values)
        page.show(asked, found, trends, to)
    else:
        few = found if asked.most is None else found.first(asked.most)
        is_for_people = form is output.Format.MD
        output.write(people.for_people(few) if is_for_people else few, form, to)
    return bool(first)


def most_rows(top: int | None, form: output.Format, period: "Period") -> int | None:
    """Return how many rows are printed at most; None for all.

    Args:
        top: As a person asked; 0 for all, None for what fits a screen: 30 rows in a
            table that is not cut into windows.
        form: How rows are printed.
        period: Of which time.
    """
    if top is None and form is output.Format.TABLE and not period.window:
        return _ON_ONE_SCREEN
    return top or None


def narrow(
    connection: "duckdb.DuckDBPyConnection",
    taken: "Snapshot",
    report: queries.Query,
    period: "Period",
    chosen: "Choice" = choice.NO_CHOICE,
) -> None:
    """Let a connection read no more callbacks than a report of a period needs."""
    if not report.time or report.history == _READS_EVERYTHING:
        return
    given = parameters(report, period, chosen)
    begins = [given[n] for n in ("since", "earlier_since", "history") if n in given]
    begins.append(_history_begins(report, period))
    until = min(period.until, LATEST - _days(report.beyond)) + _days(report.beyond)
    reach = relevant.Reach(report.time.partition(",")[0], min(begins), until)
    if (reach.since, reach.until) != (EARLIEST, LATEST):
        relevant.narrow(connection, taken.callbacks, reach)


def use_sums(
    connection: "duckdb.DuckDBPyConnection",
    taken: "Snapshot",
    asked: page.Asked,
    form: output.Format,
) -> None:
    """Let a connection read sums by the day, if that is enough for a report."""
    report, period = asked.report, asked.period
    if report.sums != _BY_DAY:
        return
    cut = _cut(report, period) if form is output.Format.TABLE else None
    given = parameters(report, period, asked.chosen).values()
    times = [value for value in given if isinstance(value, datetime)]
    windows = [period.window, *([cut.window] if cut else [])]
    summed.use(connection, taken.window_counts, summed.Asked(times, windows))


def _cut(report: queries.Query, period: "Period") -> "Period | None":
    """Cut a period as the lines of a table show it, if the report has windows."""
    return trend.windows_of(period) if "window" in report.params else None


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
