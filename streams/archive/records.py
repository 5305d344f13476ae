"""Single records in the archive: the rows of an offset, the offsets that have rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streams.archive import schema
from streams.archive.table import ArchiveTable

_PLACE = ("log_id", "kafka_partition", "kafka_offset", "kafka_index")
_File = dict[str, Any]


def rows_at(
    table: ArchiveTable, log_id: str, offsets: Mapping[int, int], columns: Sequence[str]
) -> dict[int, pa.Table]:
    """Read the rows of one record of each partition.

    Args:
        table: Table callbacks, its snapshot fresh.
        log_id: The log that the offsets belong to.
        offsets: Offset by partition.
        columns: Names of those wanted.

    Returns:
        By partition that has such rows, these columns, in the order of ``kafka_index``.
    """
    found: dict[int, list[pa.Table]] = {}
    names = list(dict.fromkeys((*_PLACE, *columns)))
    for file in table.files():
        wanted = {p: at for p, at in offsets.items() if _may_hold(file, log_id, p, at)}
        if not wanted:
            continue
        rows = _load(table, file["path"], names)
        for partition, offset in wanted.items():
            here = pc.and_(
                pc.equal(rows["log_id"], log_id),
                pc.and_(
                    pc.equal(rows["kafka_partition"], partition),
                    pc.equal(rows["kafka_offset"], offset),
                ),
            )
            if len(part := rows.filter(here)):
                found.setdefault(partition, []).append(part)
    return {
        partition: pa.concat_tables(parts).sort_by("kafka_index").select(columns)
        for partition, parts in found.items()
    }


def offsets_of(
    table: ArchiveTable, log_id: str, begins: Mapping[int, int]
) -> dict[int, npt.NDArray[np.int64]]:
    """Read which offsets of partitions have rows, from an offset on, in order.

    Args:
        table: Table callbacks, its snapshot fresh.
        log_id: The log that the offsets belong to.
        begins: First offset looked for, by partition.
    """
    found: dict[int, list[Any]] = {partition: [] for partition in begins}
    names = ["log_id", "kafka_partition", "kafka_offset"]
    for file in table.files():
        wanted = {
            p: at
            for p, at in begins.items()
            if _may_hold(file, log_id, p, max(at, file["min.kafka_offset"]))
        }
        if not wanted:
            continue
        rows = _load(table, file["path"], names)
        rows = rows.filter(pc.equal(rows["log_id"], log_id))
        numbers, offsets = rows["kafka_partition"].to_numpy(), rows["kafka_offset"]
        for partition in wanted:
            here = offsets.to_numpy()[numbers == partition]
            found[partition].append(here[here >= begins[partition]])
    return {
        partition: np.unique(np.concatenate([np.empty(0, np.int64), *parts]))
        for partition, parts in found.items()
    }


def _load(table: ArchiveTable, path: str, names: Sequence[str]) -> pa.Table:
    with table.place.parquet(path) as parquet:
        rows = parquet.read(columns=list(names))
    # delta-rs names text another type in files that it has rewritten.
    return rows.cast(pa.schema([schema.CALLBACKS.field(n) for n in rows.column_names]))


def _may_hold(file: _File, log_id: str, partition: int, offset: int) -> bool:
    """Tell by a file's statistics whether it may hold rows of a record."""
    return bool(
        file["min.log_id"] <= log_id <= file["max.log_id"]
        and file["min.kafka_partition"] <= partition <= file["max.kafka_partition"]
        and file["min.kafka_offset"] <= offset <= file["max.kafka_offset"]
    )
