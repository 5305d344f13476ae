"""New files of a table, complete and on the disk before a transaction names them."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
import pyarrow as pa
from deltalake import WriterProperties, write_deltalake

from streams.archive.place import LOG, Place

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
    table: Place,
    rows: pa.Table | pa.RecordBatchReader,
    date_column: str,
    writer: WriterProperties,
    prefix: str,
) -> list[Staged]:
    """Write rows as files of a table, without committing them.

    A table of their own beside it writes them, so that encodings and statistics are
    those of every other file; then they are moved over.

    Args:
        table: Where the table lies that shall have them.
        rows: In the table's schema.
        date_column: The one that the table is partitioned by.
        writer: Encodings.
        prefix: What their names begin with.

    Returns:
        The files, complete and safe.
    """
    folder = f"{FOLDER}/{uuid.uuid4().hex}"
    try:
        write_deltalake(
            f"{table.uri}/{folder}",
            rows,
            storage_options=table.options,
            partition_by=[date_column],
            writer_properties=writer,
            target_file_size=_LARGEST_FILE_BYTES,
        )
        return _move(folder, table, prefix)
    finally:
        table.remove_folder(folder)


def _move(folder: str, table: Place, prefix: str) -> list[Staged]:
    added = _added(folder, table)
    new = [_renamed(add, prefix) for add in added]
    pairs = zip(added, new, strict=True)
    table.move_in({f"{folder}/{add.path}": file.path for add, file in pairs})
    return new


def discard(table: Place, files: Iterable[Staged]) -> None:
    """Remove files that no transaction names."""
    table.remove(file.path for file in files)


def _added(folder: str, table: Place) -> list[_Add]:
    lines = table.read(f"{folder}/{LOG}/{0:020d}.json").splitlines()
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
