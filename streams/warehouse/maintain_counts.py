"""Increments of a date become one row a cell, counted again where that can be done."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.archive import schema
from streams.archive.day_sums import SETTLED
from streams.archive.retention import kept_from_name
from streams.archive.upkeep import File, Upkeep
from streams.warehouse import connection, queries, rows
from streams.warehouse.output.values import as_json
from streams.warehouse.snapshot import Snapshot, TableSnapshot

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# Beside a worker on the same machine; more is spilled to disk.
MEMORY_LIMIT = "1GB"
_MOST_NAMED = 1_000
_NO_RECOUNT = 0
_ROWS_AT_ONCE = 100_000


class Summed(NamedTuple):
    """What came of the increments of a date.

    Attributes:
        files: How many files there are now.
        rows: How many rows they hold.
        size: Their bytes.
        differences: Cells whose recount was another, one JSON object each.
    """

    files: int
    rows: int
    size: int
    differences: tuple[str, ...]


@dataclass(frozen=True)
class _Chosen(TableSnapshot):
    """Some files of a snapshot."""

    chosen: tuple[str, ...] = ()

    def files(self) -> list[str]:
        """Return their paths."""
        return list(self.chosen)


def settled_prefix() -> str:
    """Return what the names of files begin with whose increments are summed for good.

    Those of other rules are summed once more.
    """
    return f"{SETTLED}-r{schema.RULES_VERSION}"


def total(
    counts: Upkeep, callbacks: Upkeep, files: Sequence[File], *, settle: bool
) -> Summed:
    """Put the increments of files into new files, one row a cell.

    Args:
        counts: Table window_counts.
        callbacks: Table callbacks, its snapshot as new or newer.
        files: Of one date, of the snapshot of the counts.
        settle: Count again what the callbacks are kept of; the files are all of a date
            that is over.

    Raises:
        CommitRefusedError: One of the files has left the table; nothing was changed.
        CommitFailedOrUnknownError: Anything else.
    """
    read = callbacks.files() if settle else []
    taken = _narrowed(counts, files, callbacks, _overlapping(counts, files, read))
    with connection.connect_over(taken) as opened:
        opened.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        _make_table(opened, callbacks, files[0].date, settle=settle)
        differences = tuple(_differences(opened)) if settle else ()
        found = opened.sql("select * from settled where events <> 0")
        reader = found.to_arrow_reader(_ROWS_AT_ONCE)
        new = counts.replace(
            files,
            _in_schema(reader),
            settled_prefix() if settle else "summed",
            changed=bool(differences),
        )
    return Summed(
        len(new), sum(f.rows for f in new), sum(f.size for f in new), differences
    )


def _overlapping(
    counts: Upkeep, files: Sequence[File], callbacks: Iterable[File]
) -> list[File]:
    """Return the files of callbacks that may hold what the increments count."""
    stretches = _stretches(counts, files)
    return [file for file in callbacks if any(_meets(file, s) for s in stretches)]


def _stretches(counts: Upkeep, files: Sequence[File]) -> set[tuple[str, int, int, int]]:
    """Return log, partition, first position and last one of each partition."""
    rows_ = counts.read(files).select(
        ["log_id", "kafka_partition", "from_position", "to_position"]
    )
    ends = rows_.group_by(["log_id", "kafka_partition"]).aggregate(
        [("from_position", "min"), ("to_position", "max")]
    )
    return {tuple(row.values()) for row in ends.to_pylist()}


def _meets(file: File, stretch: tuple[str, int, int, int]) -> bool:
    log_id, partition, begin, end = stretch
    low, high = file.lowest, file.highest
    return bool(
        low["log_id"] <= log_id <= high["log_id"]
        and low["kafka_partition"] <= partition <= high["kafka_partition"]
        and low["kafka_offset"] < end
        and high["kafka_offset"] >= begin
    )


def counts_alone(counts: Upkeep, files: Sequence[File]) -> Snapshot:
    """Return a snapshot of some files of table window_counts, and of nothing else."""
    nothing = TableSnapshot("callbacks", schema.CALLBACKS, None)
    return Snapshot(window_counts=_chosen(counts, files), callbacks=nothing)


def _narrowed(
    counts: Upkeep, files: Sequence[File], callbacks: Upkeep, read: Sequence[File]
) -> Snapshot:
    return Snapshot(
        window_counts=_chosen(counts, files), callbacks=_chosen(callbacks, read)
    )


def _chosen(table: Upkeep, files: Sequence[File]) -> _Chosen:
    paths = tuple(table.place.opened_as(file.path) for file in files)
    return _Chosen(table.place.name, table.columns, None, table.place, paths)


def _make_table(
    opened: "duckdb.DuckDBPyConnection", callbacks: Upkeep, day: date, *, settle: bool
) -> None:
    floors = _floors(opened, callbacks)
    query = queries.shipped_queries()["settled_counts"]
    opened.execute(
        f"create temporary table settled as {query.sql}",
        {
            "committed_date": day,
            "rules_version": schema.RULES_VERSION if settle else _NO_RECOUNT,
            "floor_logs": [log_id for log_id, _, _ in floors],
            "floor_partitions": [partition for _, partition, _ in floors],
            "floors": [floor for _, _, floor in floors],
        },
    )


def _floors(
    opened: "duckdb.DuckDBPyConnection", callbacks: Upkeep
) -> list[tuple[str, int, int]]:
    """Return log, partition and first kept offset of each partition that is counted."""
    places = opened.execute(
        "select distinct log_id, kafka_partition from stored_window_counts"
    ).fetchall()
    return [
        (log_id, partition, callbacks.position(kept_from_name(log_id, partition)))
        for log_id, partition in places
    ]


def _differences(opened: "duckdb.DuckDBPyConnection") -> Iterator[str]:
    """Write each cell that differs; of older rules only how many there are."""
    where = "(events, segments) is distinct from (stored_events, stored_segments)"
    own = f"coalesce(stored_rules, {schema.RULES_VERSION}) = {schema.RULES_VERSION}"
    found = rows.of(
        opened.execute(
            f"select * exclude (stored_rules) from settled "  # noqa: S608 - ours
            f"where {where} and {own} limit {_MOST_NAMED}"
        )
    )
    if found is not None:
        for row in found.values:
            yield as_json(dict(zip(found.names, row, strict=True)))
    [(older,)] = opened.execute(
        f"select count(*) from settled where {where} and not {own}"  # noqa: S608
    ).fetchall()
    if older:
        yield as_json({"cells_of_older_rules": older})


def _in_schema(reader: "pa.RecordBatchReader") -> "pa.RecordBatchReader":
    """Give batches the table's columns and types, one at a time."""
    import pyarrow as pa  # noqa: PLC0415

    def batches() -> Iterator[Any]:
        for batch in reader:
            table = pa.Table.from_batches([batch]).select(schema.WINDOW_COUNTS.names)
            yield from table.cast(schema.WINDOW_COUNTS).to_batches()

    return pa.RecordBatchReader.from_batches(schema.WINDOW_COUNTS, batches())
