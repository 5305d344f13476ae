"""New files of a table, complete and on the disk before a transaction names them."""

import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
from deltalake import WriterProperties, write_deltalake

from streams.archive import durable

# Delta leaves folders alone whose name begins with an underline.
FOLDER = "_upkeep"
_LARGEST_FILE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Staged:
    """A file that lies in the table's folder and is in no snapshot yet.

    Attributes:
        path: Relative to the table.
        size: Bytes.
        rows: How many it holds.
        partition_values: Value by partition column, as text.
        statistics: As the log has it, JSON.
    """

    path: str
    size: int
    rows: int
    partition_values: Mapping[str, str | None]
    statistics: str


class _Add(msgspec.Struct, rename="camel"):
    path: str
    size: int
    partition_values: dict[str, str | None]
    stats: str


class _Entry(msgspec.Struct):
    add: _Add | None = None


class _Statistics(msgspec.Struct, rename="camel"):
    num_records: int


def write(
    table: Path,
    rows: pa.Table | pa.RecordBatchReader,
    date_column: str,
    writer: WriterProperties,
    prefix: str,
) -> list[Staged]:
    """Write rows as files in a table's folder, without committing them.

    A table of their own beside it writes them, so that encodings and statistics are
    those of every other file; then they are moved over.

    Args:
        table: The folder of the table that shall have them.
        rows: In the table's schema.
        date_column: The one that the table is partitioned by.
        writer: Encodings.
        prefix: What their names begin with.

    Returns:
        The files, complete and on the disk.
    """
    folder = table / FOLDER / uuid.uuid4().hex
    try:
        write_deltalake(
            str(folder),
            rows,
            partition_by=[date_column],
            writer_properties=writer,
            target_file_size=_LARGEST_FILE_BYTES,
        )
        return _move(folder, table, prefix)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move(folder: Path, table: Path, prefix: str) -> list[Staged]:
    added = _added(folder)
    durable.sync(folder / add.path for add in added)
    new = [_renamed(add, prefix) for add in added]
    for add, file in zip(added, new, strict=True):
        target = table / file.path
        target.parent.mkdir(exist_ok=True)
        (folder / add.path).rename(target)
    durable.sync({(table / file.path).parent for file in new} | {table})
    return new


def discard(table: Path, files: Iterable[Staged]) -> None:
    """Remove files that no transaction names."""
    for file in files:
        (table / file.path).unlink(missing_ok=True)


def _added(folder: Path) -> list[_Add]:
    entry = folder / "_delta_log" / f"{0:020d}.json"
    lines = entry.read_bytes().splitlines()
    found = [msgspec.json.decode(line, type=_Entry).add for line in lines]
    return [add for add in found if add is not None]


def _renamed(add: _Add, prefix: str) -> Staged:
    place, _, name = add.path.rpartition("/")
    return Staged(
        path=f"{place}/{prefix}-{name.removeprefix('part-')}",
        size=add.size,
        rows=msgspec.json.decode(add.stats, type=_Statistics).num_records,
        partition_values=add.partition_values,
        statistics=add.stats,
    )
