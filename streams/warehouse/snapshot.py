"""One snapshot of each table: its files, its columns, its positions.

The snapshot of window_counts is taken first. The table never runs ahead of callbacks,
so the callbacks of a snapshot hold everything that its counts count.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from streams.archive import retention, schema, site, transactions
from streams.archive.place import Place
from streams.archive.site import Site, Where
from streams.core import lives
from streams.core.positions import transaction_id
from streams.settings import ConfigurationError


@dataclass(frozen=True)
class TableSnapshot:
    """One version of a Delta table; ``table`` is None when there is none yet."""

    name: str
    columns: pa.Schema
    table: DeltaTable | None
    place: Place | None = None

    def files(self) -> list[str]:
        """Return the version's Parquet files, by the names that DuckDB opens."""
        if self.table is None or self.place is None:
            return []
        return [self.place.opened(uri) for uri in self.table.file_uris()]

    def missing(self) -> list[str]:
        """Return those of its files that are gone.

        Raises:
            OSError: Its store cannot be asked.
        """
        return [] if self.place is None else self.place.missing(self.files())

    def names(self) -> list[str]:
        """Return the version's Parquet files, relative to the table."""
        if self.table is None:
            return []
        actions: Any = pa.table(self.table.get_add_actions(flatten=True))
        return [unquote(path) for path in actions["path"].to_pylist()]

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
        if self.table is None or self.place is None:
            return set()
        return transactions.names(self.place)

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


def absence(where: Where) -> str | None:
    """Say that there is no archive and what to do; None when there is one.

    Raises:
        ConfigurationError: Its store cannot be asked.
    """
    found = site.at(where)
    try:
        tables = map(found.table, (site.CALLBACKS, site.WINDOW_COUNTS))
        if any(table.exists() for table in tables):
            return None
    except (DeltaError, OSError) as error:
        raise _unusable(found, found.table(site.CALLBACKS), error) from error
    return (
        f"There is no archive in {found} yet: a worker makes it with the first "
        f"callbacks; name another folder with --data-dir, or store with --archive."
    )


def take(where: Where) -> Snapshot:
    """Open the newest version of each table.

    Args:
        where: Where the archive lies; it may be empty or missing.

    Raises:
        ConfigurationError: A table is there and cannot be opened.
    """
    found = site.at(where).absolute()
    counts = _open(site.WINDOW_COUNTS, schema.WINDOW_COUNTS, found)
    return Snapshot(
        window_counts=counts,
        callbacks=_open(site.CALLBACKS, schema.CALLBACKS, found),
        gaps=_open(site.GAPS, schema.GAPS, found),
        sent=_open(site.SENT, schema.SENT, found),
    )


def _open(name: str, columns: pa.Schema, where: Site) -> TableSnapshot:
    place = where.table(name)
    try:
        is_there = DeltaTable.is_deltatable(place.uri, place.options)
        table = (
            DeltaTable(place.uri, storage_options=place.options) if is_there else None
        )
    except (DeltaError, OSError) as error:
        raise _unusable(where, place, error) from error
    return TableSnapshot(name, columns, table, place)


def _unusable(where: Site, place: Place, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"Table {place.name} in {where} cannot be opened: {place.reason(error)}"
    )
