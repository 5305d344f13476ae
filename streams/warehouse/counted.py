"""What table window_counts has of a period, summed: for who holds the files' names."""

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from streams.archive.place import Place
from streams.warehouse import connection, queries

# The live view reads beside the worker, in 300 MB for everything.
_MEMORY_LIMIT = "100MB"
_THREADS = 1
_NEEDED = ("window_macros", "stored_window_counts")


class TooManyCellsError(Exception):
    """The period has more cells, by what was asked for, than can be held."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.

    Attributes:
        since: Start of the period, on a window's start.
        until: End of the period, not included.
        window: Length of a window; None for one window.
        dimensions: Those asked for; the others are null in all rows.
        countries: Those let in, '' for none told; None lets all in.
    """

    since: datetime
    until: datetime
    window: timedelta | None
    dimensions: Collection[str]
    countries: Collection[str] | None = None


def cells(
    files: Sequence[str], asked: Asked, most: int, place: Place | None = None
) -> pa.Table:
    """Sum increments by window and dimensions.

    Args:
        files: Parquet files of table window_counts; there may be none.
        asked: What is asked for.
        most: How many rows there may be.
        place: Where the table lies; None for a disk.

    Returns:
        The columns of command ``cells_between``.

    Raises:
        TooManyCellsError: There are more than ``most`` rows.
    """
    query = queries.shipped_queries()["cells_between"]
    if not files:
        return _nothing()
    with duckdb.connect() as opened:
        connection.open_stores(opened, [place])
        _configure(opened, files)
        found: pa.Table = opened.sql(
            f"from ({query.sql}) limit {most + 1}",
            params={
                "since": asked.since,
                "until": asked.until,
                "window": asked.window,
                "dimensions": list(asked.dimensions),
                "countries": None if asked.countries is None else [*asked.countries],
            },
        ).to_arrow_table()
    if len(found) > most:
        raise TooManyCellsError
    return found


def _configure(opened: duckdb.DuckDBPyConnection, files: Sequence[str]) -> None:
    spill = Path(tempfile.gettempdir()) / "undelivered-spill"
    opened.execute("set timezone = 'UTC'")
    opened.execute("set memory_limit = $limit", {"limit": _MEMORY_LIMIT})
    opened.execute("set threads = $threads", {"threads": _THREADS})
    opened.execute("set temp_directory = $folder", {"folder": str(spill)})
    opened.execute("set variable window_counts_files = $files", {"files": [*files]})
    for name in _NEEDED:
        opened.execute(queries.shipped_queries()[name].sql)


def _nothing() -> pa.Table:
    texts = ("country", "carrier", "application_id", "channel", "sender_type")
    return pa.schema(
        [
            pa.field("window_start", pa.timestamp("us", "UTC")),
            *(pa.field(name, pa.string()) for name in (*texts, "outcome")),
            pa.field("error_code", pa.int32()),
            pa.field("events", pa.int64()),
        ]
    ).empty_table()
