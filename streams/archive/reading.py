"""Reading archived rows back: what a worker needs when it takes a partition over."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from streams.archive import schema
from streams.archive.table import ArchiveTable
from streams.core import identity, memory, windows

_PLACE = ("log_id", "kafka_partition", "kafka_offset", "kafka_index")
_READ = tuple(
    dict.fromkeys((*_PLACE, *identity.IDENTITY_COLUMNS, *windows.COUNTED_COLUMNS))
)
_File = dict[str, Any]


def rows_to_recover(
    table: ArchiveTable, log_id: str, count_from: Mapping[int, int]
) -> dict[int, pa.Table]:
    """Read, for each partition, the rows that its memory and its counts are made of.

    Args:
        table: Table callbacks, its snapshot fresh.
        log_id: The log the positions belong to.
        count_from: By partition that has archived rows, the offset from which rows have
            to be counted again.

    Returns:
        By partition, rows in the order of the log, columns of identity and counting:
        all from ``count_from`` on, and all from the first one that lies in a
        generation of the identity memory that is still held.
    """
    if not count_from:
        return {}
    files = [f for f in table.files() if f["min.log_id"] <= log_id <= f["max.log_id"]]
    reader = _Reader(table, log_id, frozenset(count_from))
    newest = sorted(files, key=lambda f: f["max.received_at"], reverse=True)
    _read_recent(reader, newest)
    begin = {
        partition: min(offset, reader.first_held(partition))
        for partition, offset in count_from.items()
    }
    lowest = min(begin.values())
    # Rows of a broker whose clock stepped back are behind newer ones in the log.
    reader.read(lambda file: file["max.kafka_offset"] >= lowest, newest)
    return {p: reader.rows(p, offset) for p, offset in begin.items()}


def _read_recent(reader: "_Reader", newest: Sequence[_File]) -> None:
    """Read files, the newest first, until none can hold a remembered row."""
    for file in newest:
        latest_us = _microseconds(file["max.received_at"])
        if all(latest_us < reader.oldest_held_us(p) for p in reader.partitions):
            return
        reader.read(lambda _: True, [file])


def _microseconds(time: Any) -> int:  # noqa: ANN401 - a datetime out of statistics
    value = pa.scalar(time, pa.timestamp("us", "UTC")).value
    return int(value)


class _Reader:
    """Rows of the wanted partitions out of the files read so far."""

    def __init__(
        self, table: ArchiveTable, log_id: str, partitions: frozenset[int]
    ) -> None:
        self.partitions = partitions
        self._table = table
        self._log_id = log_id
        self._done: set[str] = set()
        self._rows: dict[int, list[pa.Table]] = {p: [] for p in partitions}
        self._latest_us: dict[int, int] = {}

    def oldest_held_us(self, partition: int) -> int:
        """Return the beginning of the oldest generation held; 0 when not known."""
        return memory.oldest_held_us(self._latest_us.get(partition, 0))

    def read(self, wanted: Callable[[_File], bool], files: Sequence[_File]) -> None:
        """Read those of the files that are wanted and not read yet."""
        for file in files:
            if file["path"] not in self._done and wanted(file):
                self._done.add(file["path"])
                self._add(self._load(file["path"]))

    def _load(self, path: str) -> pa.Table:
        # ParquetFile, not read_table: pyarrow.dataset would add 41 MB to the worker.
        with pq.ParquetFile(self._table.path / path) as file:
            rows = file.read(columns=list(_READ))
        # delta-rs names text another type in files that it has rewritten.
        rows = rows.cast(
            pa.schema([schema.CALLBACKS.field(n) for n in rows.column_names])
        )
        return rows.filter(pc.equal(rows["log_id"], self._log_id))

    def _add(self, rows: pa.Table) -> None:
        for partition, part in _by_partition(rows, self.partitions):
            self._rows[partition].append(part)
            latest = pc.max(pc.cast(part["received_at"], pa.int64())).as_py()
            known = self._latest_us.get(partition, 0)
            self._latest_us[partition] = max(known, latest)

    def first_held(self, partition: int) -> int:
        """Return the lowest offset whose row is of a generation still held."""
        oldest = self.oldest_held_us(partition)
        offsets = [
            pc.min(
                part["kafka_offset"].filter(
                    pc.greater_equal(pc.cast(part["received_at"], pa.int64()), oldest)
                )
            ).as_py()
            for part in self._rows[partition]
        ]
        return min((o for o in offsets if o is not None), default=0)

    def rows(self, partition: int, begin: int) -> pa.Table:
        """Return a partition's rows from an offset on, in the order of the log."""
        parts = self._rows[partition]
        if not parts:
            return pa.table({name: [] for name in _READ})
        rows = pa.concat_tables(parts)
        rows = rows.filter(pc.greater_equal(rows["kafka_offset"], begin))
        return rows.sort_by(
            [("kafka_offset", "ascending"), ("kafka_index", "ascending")]
        )


def _by_partition(
    rows: pa.Table, partitions: frozenset[int]
) -> Iterator[tuple[int, pa.Table]]:
    for partition in pc.unique(rows["kafka_partition"]).to_pylist():
        if partition in partitions:
            yield partition, rows.filter(pc.equal(rows["kafka_partition"], partition))
