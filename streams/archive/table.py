"""A Delta table that is written exactly once: rows and positions in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError

from streams.archive import schema, site, transactions
from streams.archive.integrity import POSITIONS_KEY
from streams.archive.site import Site, Where
from streams.core import lives, positions

# Four writers at once needed more than the default of 15 (measured).
_MOST_COMMIT_RETRIES = 100
# delta-rs refuses an append beside which files of the table were rewritten, although it
# has read none of them.
_TRIES_BESIDE_UPKEEP = 5
# What delta-rs holds of a table grows with each version it follows: after 400 of them a
# commit took 290 ms instead of 34 (measured).
_MOST_VERSIONS_FOLLOWED = 50


class CommitRefusedError(Exception):
    """Somebody else has moved a position of this commit: what we hold is not next."""


class CommitFailedOrUnknownError(Exception):
    """The commit failed, or whether it was made is not known; ask the table."""


class ArchiveTable:
    """One Delta table and the snapshot of it that was read last."""

    def __init__(
        self,
        where: Site,
        name: str,
        columns: pa.Schema,
        partition_by: str | None,
        writer: WriterProperties,
    ) -> None:
        """Open the table, or make it when it is not there.

        Args:
            where: Where the archive lies.
            name: The table's.
            columns: Its schema.
            partition_by: The column that it is partitioned by; None for none.
            writer: Encodings of its files.

        Raises:
            CommitFailedOrUnknownError: The table cannot be written or read.
        """
        self.site = where
        self.place = where.table(name)
        self._writer = writer
        with self._errors_named():
            self.place.make()
            self._table = self._opened_or_made(columns, partition_by)
            self._opened_at = self._table.version()
            self._waiting = self.place.waiting()
            # Of a table that nobody has synced yet, everything is.
            unknown = self._waiting.knows_none
            self._waiting.up_to(self._opened_at, self._paths() if unknown else ())

    def _opened_or_made(
        self, columns: pa.Schema, partition_by: str | None
    ) -> DeltaTable:
        try:
            return DeltaTable.create(
                self.place.uri,
                schema=columns,
                mode="ignore",
                partition_by=[partition_by] if partition_by else None,
                storage_options=self.place.options,
            )
        except CommitFailedError:  # another process made it at the same time
            return self._newest()

    def _newest(self) -> DeltaTable:
        return DeltaTable(self.place.uri, storage_options=self.place.options)

    def _paths(self) -> list[str]:
        actions = pa.table(self._table.get_add_actions(flatten=True))
        return [unquote(path) for path in actions["path"].to_pylist()]

    def refresh(self) -> None:
        """Read the newest snapshot, and wait until all of it is on the disk.

        Another process may have written it and died before it had waited.

        Raises:
            CommitFailedOrUnknownError: The table cannot be read.
        """
        with self._errors_named():
            if self._table.version() - self._opened_at < _MOST_VERSIONS_FOLLOWED:
                self._table.update_incremental()
            else:
                self._table = self._newest()
                self._opened_at = self._table.version()
            self._waiting.up_to(self._table.version())

    def position(self, log_id: str, partition: int) -> int:
        """Return a partition's position in the snapshot; 0 where it has none."""
        return self._position(positions.transaction_id(log_id, partition))

    def _position(self, transaction_id: str) -> int:
        with self._errors_named():
            return self._table.transaction_version(transaction_id) or 0

    def newest_life(self, topic_id: str, partitions: int) -> str:
        """Return the id of the newest life of a topic in table callbacks."""
        return lives.newest_id(topic_id, partitions, self._knows)

    def _knows(self, transaction_id: str) -> bool:
        with self._errors_named():
            return self._table.transaction_version(transaction_id) is not None

    def transactions(self) -> dict[str, int]:
        """Return all transactions of the snapshot, version by name."""
        with self._errors_named():
            return transactions.read(self.place, self._table.version())

    def version(self) -> int:
        """Return the version of the snapshot."""
        return int(self._table.version())

    def files(self, keys: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return the snapshot's files with their statistics, one dict a file.

        Args:
            keys: Those that are wanted; of many files all of them take seconds. As
                delta-rs gives them: ``path`` (relative), ``max.<column>``,
                ``min.<column>``, ``partition.<column>``.
        """
        with self._errors_named():
            actions = pa.table(self._table.get_add_actions(flatten=True))
        if keys is not None:
            actions = actions.select([k for k in keys if k in actions.column_names])
        rows: list[dict[str, Any]] = actions.to_pylist()
        return rows

    def commit(
        self, rows: pa.Table, before: Mapping[str, int], after: Mapping[str, int]
    ) -> None:
        """Append rows and move positions, both or neither, and wait for the disk.

        Args:
            rows: Rows in the table's schema; none is allowed, the positions move.
            before: Position by transaction id that the rows continue.
            after: Position by transaction id when they are in.

        Raises:
            CommitRefusedError: A position has moved since.
            CommitFailedOrUnknownError: Anything else; the state is to be read again.
        """
        for left in reversed(range(_TRIES_BESIDE_UPKEEP)):
            self.refresh()
            self._require(before)
            try:
                self._append(rows, after)
            except CommitRefusedError:
                # Files were rewritten meanwhile; where a position moved, it is found.
                if not left:
                    raise
            else:
                return

    def _append(self, rows: pa.Table, after: Mapping[str, int]) -> None:
        with self._errors_named():
            write_deltalake(
                self._table,
                rows,
                mode="append",
                writer_properties=self._writer,
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(k, v) for k, v in after.items()],
                    max_commit_retries=_MOST_COMMIT_RETRIES,
                    custom_metadata={POSITIONS_KEY: str(len(after))},
                ),
            )
            self._waiting.up_to(self._table.version())

    def update(self, changes: Mapping[str, str], where: str) -> int:
        """Change columns of rows in one transaction; positions and all else stay.

        Args:
            changes: SQL expression by column.
            where: Which rows, an SQL condition of delta-rs.

        Returns:
            How many rows were changed.

        Raises:
            CommitRefusedError: Another update came between; it can be made again.
            CommitFailedOrUnknownError: Anything else.
        """
        self.refresh()
        with self._errors_named():
            version = self._table.version()
            done = self._table.update(
                updates=dict(changes),
                predicate=where,
                writer_properties=self._writer,
                commit_properties=CommitProperties(
                    max_commit_retries=_MOST_COMMIT_RETRIES
                ),
            )
            if self._table.version() != version:
                self._waiting.up_to(self._table.version())
        return int(done["num_updated_rows"])

    def remove_old_files(self) -> int:
        """Remove files that left the table a week ago or more; return how many.

        A week is delta-rs's own bound: no reader still has a snapshot as old.

        Raises:
            CommitFailedOrUnknownError: They cannot be removed.
        """
        self.refresh()
        with self._errors_named():
            return len(self._table.vacuum(dry_run=False))

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        """Turn what delta-rs and the system raise into one of our two errors."""
        try:
            yield
        except CommitFailedError as error:
            raise CommitRefusedError(self._named(error)) from error
        except (DeltaError, OSError) as error:
            raise CommitFailedOrUnknownError(self._named(error)) from error

    def _named(self, error: Exception) -> str:
        return f"{self.place}: {self.place.reason(error)}"

    def _require(self, before: Mapping[str, int]) -> None:
        found = {name: self._position(name) for name in before}
        for name, (expected, there) in positions.moved(before, found).items():
            raise CommitRefusedError(
                f"{self.place}: position {name} is {there}, not {expected}"
            )


def callbacks(where: Where) -> ArchiveTable:
    """Open table callbacks of an archive."""
    return ArchiveTable(
        site.at(where),
        site.CALLBACKS,
        schema.CALLBACKS,
        "received_date",
        schema.CALLBACKS_WRITER,
    )


def window_counts(where: Where) -> ArchiveTable:
    """Open table window_counts of an archive."""
    return ArchiveTable(
        site.at(where),
        site.WINDOW_COUNTS,
        schema.WINDOW_COUNTS,
        "committed_date",
        schema.WINDOW_COUNTS_WRITER,
    )


def gaps(where: Where) -> ArchiveTable:
    """Open table gaps of an archive."""
    return ArchiveTable(
        site.at(where), site.GAPS, schema.GAPS, None, schema.GAPS_WRITER
    )


def sent(where: Where) -> ArchiveTable:
    """Open table sent of an archive."""
    return ArchiveTable(
        site.at(where), site.SENT, schema.SENT, "sent_date", schema.SENT_WRITER
    )
