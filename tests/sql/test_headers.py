"""The headers of sql/ say what is true: names, order, columns, checks."""

from typing import Any

import duckdb
import pytest

from streams.warehouse import promises, queries, reports, snapshot, summed
from streams.warehouse.connection import connect, connect_over
from streams.warehouse.period import EVERYTHING
from tests.sql.archive import NOON, Archive, callback, cell, parked
from tools import sql_page

# DuckDB's names of the types that headers call by their usual one.
SHORT = {"TIMESTAMP WITH TIME ZONE": "timestamptz"}
VALUES: dict[str, Any] = {
    "since": EVERYTHING.since,
    "until": EVERYTHING.until,
    "window": None,
    "rules_version": 1,
    "committed_date": NOON.date(),
    "floor_logs": None,
    "log_ids": [],
    "partitions": [],
    "positions": [],
    "floor_partitions": None,
    "floors": None,
    "places": None,
    "problems": None,
    "log_id": None,
    "received_before": EVERYTHING.until,
    "received_until": EVERYTHING.until,
    "dimensions": [],
    "countries": None,
}
_OF_FILES = "counts_with_day_sums"
WITH_COLUMNS = [
    query for query in queries.shipped_queries().values() if query.kind != "macros"
]


def _named(query: queries.Query) -> str:
    return query.name


@pytest.fixture
def filled(archive: Archive) -> Archive:
    """Fill both tables, so that the columns are those of the files."""
    archive.add_callbacks([callback(0), parked(1)])
    archive.add_counts([cell(1)])
    return archive


def _columns(
    connection: duckdb.DuckDBPyConnection, query: queries.Query
) -> list[tuple[str, str]]:
    if query.kind in queries.LOADED:
        connection.execute(f"from {query.name} limit 0")
    else:
        values = VALUES | reports.parameters(query, EVERYTHING)
        params = {name: values[name] for name in query.params}
        connection.execute(query.sql, params)
    types = [(name, str(kind)) for name, kind, *_ in connection.description or ()]
    return [(name, SHORT.get(kind, kind.lower())) for name, kind in types]


@pytest.mark.parametrize("query", WITH_COLUMNS, ids=_named)
@pytest.mark.parametrize("with_files", [True, False], ids=["files", "no archive yet"])
def test_header_names_the_real_columns(
    request: pytest.FixtureRequest, query: queries.Query, *, with_files: bool
) -> None:
    """Columns and types are those of the header, in order, with and without files."""
    archive: Archive = request.getfixturevalue("filled" if with_files else "archive")
    if query.name == _OF_FILES and not with_files:
        return  # it is only asked where sums of files are there
    taken = snapshot.take(archive.data_dir)
    with connect_over(taken) as connection:
        summed.show(connection, taken.window_counts)
        connection.execute("set variable edge_days = []::timestamptz[]")
        connection.execute(
            "create table positions (log_id varchar, kafka_partition integer,"
            " archived bigint, counted bigint, kept_from bigint,"
            " compared_from bigint, empty bigint)"
        )

        assert _columns(connection, query) == [
            (column.name, column.type) for column in query.columns
        ]


@pytest.mark.parametrize("query", WITH_COLUMNS, ids=_named)
def test_header_says_what_a_row_is(query: queries.Query) -> None:
    """Question and grain are there; a column's meaning is a sentence."""
    assert query.question.endswith("?")
    assert query.grain
    assert [c.name for c in query.columns if not c.meaning.endswith((".", "…"))] == []


@pytest.mark.parametrize("kind", ["report", "view", "check"])
def test_what_counts_says_what(kind: str) -> None:
    """A query with a count column says whether events, messages or callbacks."""
    counting = [
        query
        for query in queries.of_kind(kind)
        if {"events", "finished"} & {column.name for column in query.columns}
    ]

    assert counting
    assert [query.name for query in counting if not query.counts] == []


def test_sql_page_is_current() -> None:
    """docs/sql.md is what the headers say; make docs writes it."""
    assert sql_page.PAGE.read_text(encoding="utf-8") == sql_page.page()


def test_every_rule_of_a_header_can_be_tested(filled: Archive) -> None:
    """No rule is broken by a good archive, and none is bad SQL."""
    with connect(filled.data_dir) as connection:
        tested = {
            (query.name, rule): list(promises.failing_rows(connection, query, rule))
            for query in queries.shipped_queries().values()
            if query.kind in ("view", "table", "report")
            for rule in query.checks
        }

    assert len(tested) > 20
    assert {key: rows for key, rows in tested.items() if rows} == {}
