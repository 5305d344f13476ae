"""Sums by the day in the place of counts by the minute, where a report may read them.

They are what upkeep keeps beside table window_counts. A day in which a period begins or
ends is read by the minute, and so are dates of commits that are not settled yet.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa

from streams.archive import day_sums, schema
from streams.archive.day_sums import Dated, Month
from streams.warehouse import queries

if TYPE_CHECKING:
    import duckdb

    from streams.archive.place import Place
    from streams.warehouse.snapshot import TableSnapshot

DAY = timedelta(days=1)
# The statistics cut times to milliseconds.
_PRECISION = timedelta(milliseconds=1)
_FEWEST_DAYS = 3
_COLUMNS = [
    name
    for name in schema.WINDOW_COUNTS.names
    if name
    not in {
        *("log_id", "kafka_partition", "from_position", "to_position"),
        "rules_version",
    }
]
_File = dict[str, Any]
_LEAST, _MOST = "min.window_start", "max.window_start"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report asks of the counts.

    Attributes:
        times: All times that it compares with.
        windows: Lengths of the windows that it cuts them into; None for none.
    """

    times: Sequence[datetime]
    windows: Sequence[timedelta | None]

    @property
    def days_are_enough(self) -> bool:
        """Tell whether whole days answer it, but for those at the ends."""
        length = max(self.times) - min(self.times) if self.times else timedelta(0)
        whole = all(window is None or not window % DAY for window in self.windows)
        return whole and length >= _FEWEST_DAYS * DAY

    @property
    def edge_days(self) -> list[datetime]:
        """Return the starts of the days that one of the times cuts in two."""
        starts = {time: _day_of(time) for time in self.times}
        return sorted({day for time, day in starts.items() if day != time})


def _day_of(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def show(
    connection: "duckdb.DuckDBPyConnection", counts: "TableSnapshot"
) -> list[date]:
    """Make the table or view ``day_sums`` of what is kept of them.

    Args:
        connection: Made over a snapshot.
        counts: Table window_counts of the same snapshot.

    Returns:
        The dates of commits that are in it, also in variable ``summed_dates``.

    Raises:
        OSError: The store of the table cannot be asked.
    """
    return _show(connection, counts, _files(counts))


def _show(
    connection: "duckdb.DuckDBPyConnection",
    counts: "TableSnapshot",
    found: Sequence[_File],
) -> list[date]:
    kept = _kept(counts, found)
    dates = [day for month in kept for day in month.dates]
    connection.execute("set variable summed_dates = $days::date[]", {"days": dates})
    if not kept or counts.place is None:
        fields = [schema.WINDOW_COUNTS.field(name) for name in _COLUMNS]
        nothing = pa.schema(fields).empty_table()
        connection.from_arrow(nothing).create("day_sums")
        return []
    files = [counts.place.opened_as(month.name) for month in kept]
    connection.execute("set variable day_sums_files = $files", {"files": files})
    connection.execute(
        f"create or replace view day_sums as select {', '.join(_COLUMNS)} "  # noqa: S608 - ours
        f"from read_parquet(getvariable('day_sums_files'))"
    )
    return dates


def _kept(counts: "TableSnapshot", found: Sequence[_File]) -> list[Month]:
    """Return the months whose sums are there."""
    if not found or counts.place is None:
        return []
    there = {
        f"{day_sums.FOLDER}/{name}" for name in counts.place.names(day_sums.FOLDER)
    }
    files = [Dated(file["path"], file["date"]) for file in found]
    return [month for month in day_sums.months(files) if month.name in there]


def _files(counts: "TableSnapshot") -> list[_File]:
    if counts.table is None:
        return []
    actions: Any = pa.table(counts.table.get_add_actions(flatten=True))
    of_date = "partition.committed_date"
    wanted = {"path", "size_bytes", of_date, _LEAST, _MOST}
    rows = actions.select([n for n in actions.column_names if n in wanted]).to_pylist()
    return [{**row, "path": unquote(row["path"]), "date": row[of_date]} for row in rows]


def use(
    connection: "duckdb.DuckDBPyConnection", counts: "TableSnapshot", asked: Asked
) -> bool:
    """Let the views of a connection read sums wherever that says the same.

    Args:
        connection: Made over a snapshot; what it shows of the counts from here on is
            good for what was asked, and for nothing else.
        counts: Table window_counts of the same snapshot.
        asked: What is asked.

    Returns:
        Whether any sums are read.

    Raises:
        OSError: The store of the table cannot be asked.
    """
    if not asked.days_are_enough or counts.place is None:
        return False
    found = _files(counts)
    summed = set(_show(connection, counts, found))
    if not summed:
        return False
    edges = asked.edge_days
    files = list(_by_the_minute(found, counts.place, summed, edges))
    connection.execute("set variable window_counts_files = $files", {"files": files})
    connection.execute("set variable edge_days = $days::timestamptz[]", {"days": edges})
    query = queries.shipped_queries()["counts_with_day_sums"]
    connection.execute(f"create or replace view stored_window_counts as {query.sql}")
    return True


def _by_the_minute(
    files: Sequence[_File],
    place: "Place",
    summed: set[date],
    edges: Iterable[datetime],
) -> Iterator[str]:
    """Yield the files to read; one where there is none: DuckDB reads no empty list."""
    chosen = [
        file
        for file in files
        if file["date"] not in summed or any(_overlaps(file, day) for day in edges)
    ]
    for file in chosen or sorted(files, key=lambda file: file["size_bytes"])[:1]:
        yield place.opened_as(file["path"])


def _overlaps(file: _File, day: datetime) -> bool:
    least, most = file.get(_LEAST), file.get(_MOST)
    if least is None or most is None:
        return True
    return bool(least < day + DAY and most + _PRECISION >= day)
