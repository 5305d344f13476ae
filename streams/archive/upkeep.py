"""Upkeep of a table: rows go into better files, old files leave, the log stays short.

Workers may go on writing. A replacement is one transaction: it adds the new files and
removes the old ones, moves no position, and is refused when one of the old files has
left the table meanwhile. A kill before it leaves files that are in no snapshot.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from streams.archive import schema, site, staging
from streams.archive.place import LOG, Place
from streams.archive.site import Where
from streams.archive.staging import Staged
from streams.archive.table import CommitFailedOrUnknownError, CommitRefusedError

# Not the name of a position. Two upkeeps at once, on two machines, move it both, and
# delta-rs refuses the second.
FENCE = "upkeep"
_MOST_COMMIT_RETRIES = 100
_SHORTEST_LOG = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class File:
    """A file of a snapshot.

    Attributes:
        path: Relative to the table.
        date: Of the partition it is in.
        rows: How many it holds.
        size: Bytes.
        lowest: Smallest value by column, where statistics tell.
        highest: Largest value by column, where statistics tell.
    """

    path: str
    date: date
    rows: int
    size: int
    lowest: Mapping[str, Any] = field(repr=False)
    highest: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """Return its name without the folder."""
        return self.path.rpartition("/")[2]


class Upkeep:
    """One table and the snapshot of it that was read last."""

    def __init__(
        self,
        place: Place,
        columns: pa.Schema,
        date_column: str,
        writer: WriterProperties,
    ) -> None:
        """Open the table.

        Args:
            place: Where it lies.
            columns: Its schema.
            date_column: The one that it is partitioned by.
            writer: Encodings of its files.

        Raises:
            CommitFailedOrUnknownError: It cannot be read.
        """
        self.place = place
        self.columns = columns
        self._date_column = date_column
        self._writer = writer
        with _errors_named(place):
            self._table = DeltaTable(place.uri, storage_options=place.options)

    def refresh(self) -> None:
        """Read the newest snapshot."""
        with _errors_named(self.place):
            self._table.update_incremental()

    def position(self, name: str) -> int:
        """Return the version of a transaction in the snapshot; 0 where it has none."""
        with _errors_named(self.place):
            return self._table.transaction_version(name) or 0

    def files(self) -> list[File]:
        """Return the files of the snapshot, the oldest partition first."""
        with _errors_named(self.place):
            actions = pa.table(self._table.get_add_actions(flatten=True))
        found = [self._file(row) for row in actions.to_pylist()]
        return sorted(found, key=lambda file: (file.date, file.path))

    def _file(self, row: Mapping[str, Any]) -> File:
        def of(kind: str) -> dict[str, Any]:
            return {
                name.removeprefix(kind): value
                for name, value in row.items()
                if name.startswith(kind)
            }

        return File(
            path=row["path"],
            date=row[f"partition.{self._date_column}"],
            rows=row["num_records"],
            size=row["size_bytes"],
            lowest=of("min."),
            highest=of("max."),
        )

    def read(self, files: Iterable[File]) -> pa.Table:
        """Read whole files, in the table's schema."""
        return pa.concat_tables([self._read(file) for file in files])

    def _read(self, file: File) -> pa.Table:
        with self.place.parquet(file.path) as opened:
            rows = opened.read()
        if self._date_column not in rows.column_names:
            day = pa.scalar(file.date, pa.date32())
            rows = rows.append_column(self._date_column, pa.repeat(day, len(rows)))
        # delta-rs names text another type in files that it has rewritten.
        return rows.select(self.columns.names).cast(self.columns)

    def replace(
        self,
        old: Sequence[File],
        rows: pa.Table | pa.RecordBatchReader,
        prefix: str,
        *,
        changed: bool = False,
    ) -> list[Staged]:
        """Put rows of files into new ones, in one transaction.

        Args:
            old: Files of the snapshot; they leave the table.
            rows: What the new files hold, in the order in which it is stored.
            prefix: What the names of the new files begin with.
            changed: Whether the rows say something else than before. Other engines
                that follow the table's changes read them again then.

        Returns:
            The new files.

        Raises:
            CommitRefusedError: One of the old files has left the table, or another
                upkeep goes on; nothing was changed.
            CommitFailedOrUnknownError: Anything else.
        """
        with _errors_named(self.place):
            new = staging.write(
                self.place, rows, self._date_column, self._writer, prefix
            )
            actions: list[AddAction | RemoveAction] = [
                *_adds(new, changed=changed),
                *self._removes(old, changed=changed),
            ]
        try:
            with _errors_named(self.place):
                self._commit(actions, {})
        except CommitRefusedError:
            staging.discard(self.place, new)
            raise
        # After any other error the transaction may be there: its files stay, and are
        # removed with the old ones when it is not.
        return new

    def drop(self, old: Sequence[File], positions: Mapping[str, int]) -> None:
        """Let files leave the table, and move transactions, both or neither.

        Raises:
            CommitRefusedError: Somebody else has changed them; nothing was changed.
            CommitFailedOrUnknownError: Anything else.
        """
        with _errors_named(self.place):
            self._commit(self._removes(old, changed=True), positions)

    def _removes(self, old: Sequence[File], *, changed: bool) -> list[RemoveAction]:
        return [
            RemoveAction(
                path=file.path,
                data_change=changed,
                deletion_timestamp=_now_ms(),
                size=file.size,
                partition_values={self._date_column: file.date.isoformat()},
            )
            for file in old
        ]

    def _commit(
        self,
        actions: Sequence[AddAction | RemoveAction],
        positions: Mapping[str, int],
    ) -> None:
        before = self._table.version()
        moved = {**positions, FENCE: self.position(FENCE) + 1}
        self._table.create_write_transaction(
            list(actions),
            mode="append",
            schema=self._table.schema(),
            partition_by=[self._date_column],
            commit_properties=CommitProperties(
                max_commit_retries=_MOST_COMMIT_RETRIES,
                app_transactions=[Transaction(k, v) for k, v in moved.items()],
            ),
        )
        self._sync_entries(before)

    def _sync_entries(self, before: int) -> None:
        """Wait until what followed a version is on the disk: ours is among it."""
        self._table.update_incremental()
        versions = range(before + 1, self._table.version() + 1)
        self.place.sync(f"{LOG}/{version:020d}.json" for version in versions)
        self.place.sync([LOG])

    # ------------------------------------------------------------------- tidying

    def configure(self, grace: timedelta) -> bool:
        """Say in the table how long old files and old log entries stay.

        The log is cleaned by ``clean_log`` alone: what follows a commit by itself does
        not wait until the checkpoint is on the disk.

        Returns:
            Whether that was not in the table yet.
        """
        wanted = {
            "delta.deletedFileRetentionDuration": _interval(grace),
            "delta.logRetentionDuration": _interval(max(grace, _SHORTEST_LOG)),
            "delta.enableExpiredLogCleanup": "false",
        }
        found = self._table.metadata().configuration
        if all(found.get(name) == value for name, value in wanted.items()):
            return False
        with _errors_named(self.place):
            before = self._table.version()
            self._table.alter.set_table_properties(wanted)
            self._sync_entries(before)
        return True

    def clean_log(self) -> int:
        """Write a checkpoint, remove older entries of the log; return how many."""
        before = len(self.place.names(LOG))
        with _errors_named(self.place):
            self._table.update_incremental()
            self._table.create_checkpoint()
            version = f"{self._table.version():020d}.checkpoint"
            new = [name for name in self.place.names(LOG) if name.startswith(version)]
            files = [f"{LOG}/{name}" for name in (*new, "_last_checkpoint")]
            self.place.sync([*files, LOG])
            self._table.cleanup_metadata()
        # The new checkpoint is one more than there was.
        return max(0, before + 1 - len(self.place.names(LOG)))

    def remove_old_files(self, *, dry_run: bool) -> tuple[int, int]:
        """Remove files that are in no snapshot younger than the grace.

        That grace is the one of ``configure``. Files of transactions that were never
        made are removed too, when they are as old.

        Returns:
            How many files, and their bytes.
        """
        with _errors_named(self.place):
            self._table.update_incremental()
            paths = self._table.vacuum(dry_run=True, full=True)
            size = sum(map(self.place.size, paths))
            if paths and not dry_run:
                before = self._table.version()
                paths = self._table.vacuum(dry_run=False, full=True)
                self._sync_entries(before)
        return len(paths), size

    def remove_staged(self) -> None:
        """Remove what an upkeep that was killed left unfinished."""
        self.place.remove_folder(staging.FOLDER)


@contextmanager
def _errors_named(place: Place) -> Iterator[None]:
    try:
        yield
    except CommitFailedError as error:
        raise CommitRefusedError(f"{place}: {place.reason(error)}") from error
    except (DeltaError, OSError) as error:
        raise CommitFailedOrUnknownError(f"{place}: {place.reason(error)}") from error


def _adds(new: Sequence[Staged], *, changed: bool) -> list[AddAction]:
    return [
        AddAction(
            path=file.path,
            size=file.size,
            partition_values=file.partition_values,
            modification_time=_now_ms(),
            data_change=changed,
            stats=file.statistics,
        )
        for file in new
    ]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _interval(length: timedelta) -> str:
    return f"interval {length // timedelta(seconds=1)} seconds"


def callbacks(where: Where) -> Upkeep:
    """Open table callbacks of an archive for upkeep."""
    return Upkeep(
        site.at(where).table(site.CALLBACKS),
        schema.CALLBACKS,
        "received_date",
        schema.CALLBACKS_WRITER,
    )


def window_counts(where: Where) -> Upkeep:
    """Open table window_counts of an archive for upkeep."""
    return Upkeep(
        site.at(where).table(site.WINDOW_COUNTS),
        schema.WINDOW_COUNTS,
        "committed_date",
        schema.WINDOW_COUNTS_WRITER,
    )


def sent(where: Where) -> Upkeep:
    """Open table sent of an archive for upkeep."""
    return Upkeep(
        site.at(where).table(site.SENT), schema.SENT, "sent_date", schema.SENT_WRITER
    )
