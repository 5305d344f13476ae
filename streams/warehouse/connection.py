"""A DuckDB in memory, with all views over one snapshot of the archive."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import duckdb

from streams import reference
from streams.archive.place import Place
from streams.archive.site import Where
from streams.warehouse import queries, snapshot
from streams.warehouse.snapshot import Snapshot, TableSnapshot

# More is spilled to disk: a report must not take the machine from the worker.
MEMORY_LIMIT = "4GB"


def connect(where: Where | str) -> duckdb.DuckDBPyConnection:
    """Open the warehouse over the archive as it is now.

    Args:
        where: The data folder, or where else the archive lies; without one all views
            are empty.

    Returns:
        A connection whose views show one snapshot, times in UTC. It never changes the
        archive by itself. The views read variables of this connection: a cursor of it
        does not have them.

    Raises:
        ConfigurationError: A table is there and cannot be opened.
    """
    return connect_over(snapshot.take(Path(where) if isinstance(where, str) else where))


def connect_over(taken: Snapshot) -> duckdb.DuckDBPyConnection:
    """Open the warehouse over a snapshot."""
    connection = duckdb.connect()
    try:
        load(connection, taken, names_files=False)
    except BaseException:
        connection.close()
        raise
    return connection


def load(
    connection: duckdb.DuckDBPyConnection, taken: Snapshot, *, names_files: bool
) -> None:
    """Make all tables and views of the warehouse.

    Args:
        connection: An empty database.
        taken: The snapshot that the views show.
        names_files: Write the names of its files into the views, so that another
            connection may use them; else they are in variables of this connection.
    """
    _configure(connection)
    open_stores(connection, [table.place for table in taken.all_tables])
    for table in taken.all_tables:
        _show_table(connection, table, names_files=names_files)
    _load_views(connection, {f"stored_{table.name}" for table in taken.all_tables})


def lock(connection: duckdb.DuckDBPyConnection, taken: Snapshot) -> None:
    """Take from a connection every file but those of the snapshot, for good.

    Args:
        connection: Made by ``connect_over`` of the same snapshot.
        taken: The snapshot.
    """
    connection.execute(
        "set variable allowed_files = $files",
        {"files": [file for table in taken.all_tables for file in table.files()]},
    )
    connection.execute("set allowed_paths = getvariable('allowed_files')")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _configure(connection: duckdb.DuckDBPyConnection) -> None:
    spill = Path(tempfile.gettempdir()) / "undelivered-spill"
    connection.execute("set timezone = 'UTC'")
    connection.execute("set memory_limit = $limit", {"limit": MEMORY_LIMIT})
    connection.execute("set temp_directory = $folder", {"folder": str(spill)})
    connection.execute(
        "set variable reference_folder = $folder",
        {"folder": str(reference.shipped("sql") / "reference")},
    )


def open_stores(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[Place | None]
) -> None:
    """Let DuckDB read files of tables that lie in an object store, if any does."""
    places = [place for place in tables if place is not None]
    if any(place.options is not None for place in places):
        # What it needs is imported only where there is a store.
        from streams.warehouse import store_files  # noqa: PLC0415

        store_files.register(connection, places)


def _show_table(
    connection: duckdb.DuckDBPyConnection, table: TableSnapshot, *, names_files: bool
) -> None:
    """Make the view ``stored_<table>``; an empty table where there are no rows yet."""
    name = f"stored_{table.name}"
    files = table.files()
    connection.execute(
        f"set variable {table.name}_files = $files", {"files": files or None}
    )
    if files:
        view = queries.shipped_queries()[name].sql
        if names_files:
            named = ", ".join(_literal(file) for file in files)
            view = view.replace(f"getvariable('{table.name}_files')", f"[{named}]")
        connection.execute(view)
    else:
        empty = table.columns.empty_table()
        connection.from_arrow(empty).create(name)


def _load_views(connection: duckdb.DuckDBPyConnection, made: set[str]) -> None:
    loaded = [
        query
        for kind in queries.LOADED
        for query in queries.of_kind(kind)
        if query.name not in made
    ]
    for query in queries.in_order(loaded, made=made):
        connection.execute(query.sql)
        if query.name == "sender_types":
            connection.execute(_sender_type_macro(connection))


def _sender_type_macro(connection: duckdb.DuckDBPyConnection) -> str:
    """Write the macro that tries the patterns of table sender_types in turn.

    A join with the table would compile each pattern for each sender and read every
    sender of the archive; constants in a case are compiled once.
    """
    rows = connection.execute("from sender_types order by priority").fetchall()
    tries = "\n".join(
        f"when regexp_full_match(sender, {_literal(pattern)}) "
        f"then {_literal(sender_type)}"
        for _, pattern, sender_type in rows
    )
    return f"create or replace macro sender_type_of(sender) as case {tries} end"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
