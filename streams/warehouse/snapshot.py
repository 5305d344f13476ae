"""One snapshot of each table: its files, its columns, its positions.

The snapshot of window_counts is taken first. The table never runs ahead of callbacks,
so the callbacks of a snapshot hold everything that its counts count.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from streams.archive import retention, schema, transactions
from streams.core import lives
from streams.core.positions import transaction_id
from streams.settings import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class TableSnapshot:
    """One version of a Delta table; ``table`` is None when there is none yet."""

    name: str
    columns: "pa.Schema"
    table: DeltaTable | None

    def files(self) -> list[str]:
        """Return the paths of the version's Parquet files."""
        if self.table is None:
            return []
        return [local_path(uri) for uri in self.table.file_uris()]

    def position(self, log_id: str, partition: int) -> int:
        """Return a partition's position: the offset of the next record; 0 for none."""
        if self.table is None:
            return 0
        name = transaction_id(log_id, partition)
        return self.table.transaction_version(name) or 0

    def kept_from(self, log_id: str, partition: int) -> int:
        """Return the offset from which on no row was dropped for its age."""
        if self.table is None:
            return 0
        name = retention.kept_from_name(log_id, partition)
        return self.table.transaction_version(name) or 0

    def transactions(self) -> set[str]:
        """Return the names under which positions are kept, ``<log_id>/<partition>``.

        The log may be newer than the snapshot: a name that the snapshot does not have
        is at position 0.
        """
        if self.table is None:
            return set()
        return transactions.names(Path(local_path(self.table.table_uri)))

    def positions(self, log_id: str, partitions: int) -> dict[int, int]:
        """Return the positions of a log by partition."""
        return {p: self.position(log_id, p) for p in range(partitions)}

    def newest_life(self, log_id: str, partitions: int) -> str:
        """Return the newest life of a log: itself, ``<log_id>~1``, ``~2``, …."""
        return lives.newest_id(log_id, partitions, self._knows)

    def mark(self, log_id: str, partition: int, what: str) -> int:
        """Return what is kept of a partition beside its position; 0 for nothing."""
        name = lives.mark_name(log_id, partition, what)
        return self.table.transaction_version(name) or 0 if self.table else 0

    def _knows(self, name: str) -> bool:
        if self.table is None:
            return False
        return self.table.transaction_version(name) is not None


_NO_GAPS = TableSnapshot("gaps", schema.GAPS, None)
_NOTHING_SENT = TableSnapshot("sent", schema.SENT, None)


@dataclass(frozen=True)
class Snapshot:
    """One version of each table, the counts taken first."""

    window_counts: TableSnapshot
    callbacks: TableSnapshot
    gaps: TableSnapshot = _NO_GAPS
    sent: TableSnapshot = _NOTHING_SENT

    @property
    def tables(self) -> Iterable[TableSnapshot]:
        """Return the two that have positions."""
        return (self.window_counts, self.callbacks)

    @property
    def all_tables(self) -> Iterable[TableSnapshot]:
        """Return all."""
        return (*self.tables, self.gaps, self.sent)


def local_path(uri: str) -> str:
    """Return the path of a local table or file; delta-rs writes blanks as %20."""
    return unquote(urlsplit(uri).path)


def absence(data_dir: Path) -> str | None:
    """Say that a data folder has no archive and what to do; None when it has one."""
    places = (schema.callbacks_path(data_dir), schema.window_counts_path(data_dir))
    if any(place.exists() for place in places):
        return None
    return (
        f"There is no archive in {data_dir} yet: a worker makes it with the first "
        f"callbacks; name another folder with --data-dir."
    )


def take(data_dir: Path) -> Snapshot:
    """Open the newest version of each table.

    Args:
        data_dir: The data folder; it may be empty or missing.

    Raises:
        ConfigurationError: A table is there and cannot be opened.
    """
    counts = _open(
        "window_counts", schema.WINDOW_COUNTS, schema.window_counts_path(data_dir)
    )
    return Snapshot(
        window_counts=counts,
        callbacks=_open("callbacks", schema.CALLBACKS, schema.callbacks_path(data_dir)),
        gaps=_open("gaps", schema.GAPS, schema.gaps_path(data_dir)),
        sent=_open("sent", schema.SENT, schema.sent_path(data_dir)),
    )


def _open(name: str, columns: "pa.Schema", path: Path) -> TableSnapshot:
    folder = str(path.resolve())
    try:
        table = DeltaTable(folder) if DeltaTable.is_deltatable(folder) else None
    except (DeltaError, OSError) as error:
        raise ConfigurationError(
            f"Table {name} in {folder} cannot be opened: {error}"
        ) from error
    return TableSnapshot(name, columns, table)
