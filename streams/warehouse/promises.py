"""What headers promise: the lines ``check:`` of views, tables and reports, tested.

Reports of counts are run over everything, those that read callbacks row by row over
their newest day: their rules are about the query, and a day of rows shows whether it
loses any.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from streams.warehouse import queries, reports, rows
from streams.warehouse.output.values import as_json
from streams.warehouse.period import DEFAULT_LENGTH, EVERYTHING, Period

if TYPE_CHECKING:
    import duckdb

    from streams.warehouse.snapshot import Snapshot

KINDS = ("view", "table", "report")
# Under this name the rows of a report are tested.
_RUN = "checked_report"
_ALTOGETHER = "altogether "
_PARAM = re.compile(r"\$([a-z_]+)")
_HOUR = timedelta(hours=1)
# A report that depends on one of these reads the counts, which are small.
_OF_COUNTS = {"cell_macros", "rate_report_macros", "stored_window_counts"}
_RECEIVED_UNTIL = "select max(received_at) from stored_callbacks"
_ALL_FILES = "select getvariable('callbacks_files')"
_Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Source:
    """What a rule is tested on: a name to select from, and a report's parameters."""

    name: str
    params: _Params = field(default_factory=dict)


def broken(
    opened: "duckdb.DuckDBPyConnection", taken: "Snapshot"
) -> Iterator[tuple[str, str, str]]:
    """Test every promise of the shipped headers.

    Args:
        opened: The warehouse.
        taken: The snapshot that it is over.

    Yields:
        Name of the query, rule, and each row that breaks it as JSON.
    """
    for kind in KINDS:
        for query in queries.of_kind(kind):
            with _tested(opened, query, taken) as source:
                for rule in query.checks:
                    for row in _failing(opened, source, rule):
                        yield query.name, rule, row


def failing_rows(
    opened: "duckdb.DuckDBPyConnection", query: queries.Query, rule: str
) -> Iterator[str]:
    """Find the rows that break a rule of a header.

    Args:
        opened: The warehouse.
        query: A view, a table or a report.
        rule: ``unique a, b``, ``not null a, b``, ``altogether`` and an expression of
            sums that must not be false, or an expression that no row makes false. It
            may name parameters of the report.

    Yields:
        Each row, or for ``unique`` each repeated key with its count, as JSON.
    """
    with _tested(opened, query) as source:
        yield from _failing(opened, source, rule)


@contextmanager
def _tested(
    opened: "duckdb.DuckDBPyConnection",
    query: queries.Query,
    taken: "Snapshot | None" = None,
) -> Iterator[_Source]:
    """Name what the rules of a query are about; a report is run once for all rules."""
    if query.kind != "report":
        yield _Source(query.name)
        return
    latest = _one(opened, _RECEIVED_UNTIL)
    period = _period(query, latest)
    files = _one(opened, _ALL_FILES)
    if taken is not None:
        reports.narrow(opened, taken, query, period)
    params = reports.parameters(query, period)
    if "received_until" in query.params:
        params["received_until"] = latest
    opened.execute(f"create or replace temp table {_RUN} as {query.sql}", params)
    try:
        yield _Source(_RUN, params)
    finally:
        opened.execute(f"drop table {_RUN}")
        opened.execute("set variable callbacks_files = $files", {"files": files})


def _period(query: queries.Query, latest: datetime | None) -> Period:
    """Return everything, or the newest day in whole hours."""
    if latest is None:
        return EVERYTHING
    compares = "earlier_since" in query.params
    if _OF_COUNTS.intersection(query.depends) and not compares:
        return EVERYTHING
    end = latest.replace(minute=0, second=0, microsecond=0) + _HOUR
    return Period(end - DEFAULT_LENGTH, end)


def _one(opened: "duckdb.DuckDBPyConnection", query: str) -> Any:  # noqa: ANN401
    found = opened.execute(query).fetchone()
    return found[0] if found else None


def _failing(
    opened: "duckdb.DuckDBPyConnection", source: _Source, rule: str
) -> Iterator[str]:
    named = set(_PARAM.findall(rule))
    params = {name: value for name, value in source.params.items() if name in named}
    found = rows.of(opened.execute(_failing_query(source.name, rule), params))
    for row in found.values if found else ():
        yield as_json(dict(zip(found.names if found else (), row, strict=True)))


def _failing_query(source: str, rule: str) -> str:
    """Write the query for a rule; both come from the files of ``sql/``."""
    if names := _named(rule, "unique "):
        keys = ", ".join(names)
        return (
            f"select {keys}, count(*) as times from {source} as checked "  # noqa: S608
            f"group by all having count(*) > 1"
        )
    if rule.startswith(_ALTOGETHER):
        sums = rule.removeprefix(_ALTOGETHER)
        return (
            f"select count(*) as rows from {source} as checked "  # noqa: S608
            f"having not ({sums})"
        )
    if names := _named(rule, "not null "):
        rule = " and ".join(f"{name} is not null" for name in names)
    return f"select * from {source} as checked where not ({rule})"  # noqa: S608


def _named(rule: str, start: str) -> Sequence[str]:
    return rule.removeprefix(start).split(", ") if rule.startswith(start) else ()
