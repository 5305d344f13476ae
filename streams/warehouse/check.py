"""The check: archive and counts must agree, and every view keep its promises.

It reads one snapshot of each table; workers may go on writing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.archive.schema import RULES_VERSION
from streams.warehouse import connection, positions, queries, reports, rows, snapshot
from streams.warehouse.output.values import as_json
from streams.warehouse.period import DEFAULT_LENGTH, EVERYTHING, MINUTE, Period
from streams.warehouse.positions import Counting

if TYPE_CHECKING:
    import duckdb

    from streams.warehouse.snapshot import Snapshot

# A broken promise is often broken for every row: so many are named.
MOST_ROWS_NAMED = 20
_COLUMNS = ("check", "rule", "found")
# Under this name the rows of a report are tested.
_RUN = "checked_report"
_ALTOGETHER = "altogether "
_RECEIVED_UNTIL = "select max(received_at) from stored_callbacks"
_LATEST_WINDOW = "select max(window_start) from stored_window_counts"
_CHECKED_VIEWS = ("view", "table", "report")


class Finding(NamedTuple):
    """Something wrong: which check, what should hold, and the row where it does not."""

    check: str
    rule: str
    found: str


class Result(NamedTuple):
    """What a check found; ``notes`` are no faults.

    Attributes:
        findings: What is wrong.
        notes: What is worth knowing.
        counting: How many events were compared, and how many are not counted yet.
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    counting: Counting = Counting(0, 0)

    @property
    def well(self) -> str:
        """Say, in two lines, that nothing was found and what was compared."""
        return (
            "Nothing is wrong: every cell of the counts equals its recount.\n"
            f"{self.counting.compared_words}; {self.counting.not_counted_words}."
        )

    @property
    def rows(self) -> rows.Rows:
        """Return the findings as rows."""
        return rows.Rows(_COLUMNS, ("VARCHAR",) * len(_COLUMNS), iter(self.findings))


def run(data_dir: Path) -> Result:
    """Check the archive.

    Raises:
        ConfigurationError: A table is there and cannot be opened.
    """
    taken = snapshot.take(data_dir)
    missing = tuple(_missing_files(taken))
    if missing:
        return Result(missing, ("Nothing else was checked: files are missing.",))
    with connection.connect_over(taken) as opened:
        positions.show(opened, taken)
        findings = (*_failing_checks(opened), *_broken_promises(opened))
        counting = positions.counting(opened, RULES_VERSION)
        return Result(findings, tuple(_notes(opened)), counting)


def _missing_files(taken: "Snapshot") -> Iterator[Finding]:
    for table in taken.all_tables:
        for file in table.files():
            if not Path(file).is_file():
                yield Finding(
                    "files_are_there",
                    f"Every file of table {table.name} exists.",
                    file,
                )


def _failing_checks(opened: "duckdb.DuckDBPyConnection") -> Iterator[Finding]:
    for query in queries.of_kind("check"):
        for row in _rows(opened, query):
            yield Finding(query.name, query.question, row)


def _notes(opened: "duckdb.DuckDBPyConnection") -> Iterator[str]:
    for query in queries.of_kind("note"):
        for row in _rows(opened, query):
            yield f"{query.name}: {row}"


def _rows(opened: "duckdb.DuckDBPyConnection", query: queries.Query) -> Iterator[str]:
    given = {"rules_version": RULES_VERSION}
    params = {name: given[name] for name in query.params}
    found = rows.of(opened.execute(query.sql, params))
    return iter(()) if found is None else _in_words(found)


def _in_words(found: rows.Rows) -> Iterator[str]:
    """Write each row as one JSON object."""
    for row in found.values:
        yield as_json(dict(zip(found.names, row, strict=True)))


def _broken_promises(opened: "duckdb.DuckDBPyConnection") -> Iterator[Finding]:
    """Test the lines ``check:`` in the headers of views, tables and reports."""
    for kind in _CHECKED_VIEWS:
        for query in queries.of_kind(kind):
            with _source(opened, query) as source:
                for rule in query.checks:
                    for row in islice(_failing(opened, source, rule), MOST_ROWS_NAMED):
                        yield Finding(query.name, rule, row)


def failing_rows(
    opened: "duckdb.DuckDBPyConnection", query: queries.Query, rule: str
) -> Iterator[str]:
    """Find the rows that break a rule of a header.

    Args:
        opened: The warehouse.
        query: A view, a table or a report; a report is run over everything.
        rule: ``unique a, b``, ``not null a, b``, ``altogether`` and an expression of
            sums that must not be false, or an expression that no row makes false.

    Yields:
        Each row, or for ``unique`` each repeated key with its count, as JSON.
    """
    with _source(opened, query) as source:
        yield from _failing(opened, source, rule)


@contextmanager
def _source(opened: "duckdb.DuckDBPyConnection", query: queries.Query) -> Iterator[str]:
    """Name what the rules of a query are about; a report is run once for all rules."""
    if query.kind != "report":
        yield query.name
        return
    params = reports.parameters(query, _checked_period(opened, query))
    if "received_until" in query.params:
        params["received_until"] = _one(opened, _RECEIVED_UNTIL)
    opened.execute(f"create or replace temp table {_RUN} as {query.sql}", params)
    try:
        yield _RUN
    finally:
        opened.execute(f"drop table {_RUN}")


def _checked_period(
    opened: "duckdb.DuckDBPyConnection", query: queries.Query
) -> Period:
    """Return everything; of a report that compares two periods, the last two days."""
    if "earlier_since" not in query.params:
        return EVERYTHING
    latest = _one(opened, _LATEST_WINDOW) or EVERYTHING.since
    return Period(latest - DEFAULT_LENGTH, latest + MINUTE)


def _one(opened: "duckdb.DuckDBPyConnection", query: str) -> Any:  # noqa: ANN401
    found = opened.execute(query).fetchone()
    return found[0] if found else None


def _failing(
    opened: "duckdb.DuckDBPyConnection", source: str, rule: str
) -> Iterator[str]:
    found = rows.of(opened.execute(_failing_query(source, rule)))
    return iter(()) if found is None else _in_words(found)


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
