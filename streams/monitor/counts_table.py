"""Table window_counts as the monitor follows it: what it has, and what it gains.

A newer snapshot is read by its new files alone. Where files were rewritten, what the
old ones had is taken off again: they stay on the disk for a week.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from streams.archive import schema, site, transactions
from streams.archive.site import Where
from streams.core import windows
from streams.core.live import Place
from streams.core.publications import Cell, Numbers, numbers_of

_READ = ("log_id", "kafka_partition", *windows.CELLS.names)
# So many files' rows are put together before they are encoded.
_FILES_AT_ONCE = 16


class TableUnreadableError(Exception):
    """The table cannot be read now; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the table.

    Attributes:
        version: Its number; -1 while there is no table.
        positions: Position by place.
        latest_us: Of each file, by its path in the table, the last window it may have,
            microseconds since 1970.
    """

    version: int = -1
    positions: Mapping[Place, int] = field(default_factory=dict)
    latest_us: Mapping[str, int] = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """Return the paths of all its files."""
        return list(self.latest_us)


class CountsTable:
    """Reads snapshots of table window_counts."""

    def __init__(self, where: Where) -> None:
        """Name the table; it may not be there yet."""
        self.place = site.at(where).absolute().table(site.WINDOW_COUNTS)

    def newest(self) -> Snapshot:
        """Return the newest snapshot.

        Raises:
            TableUnreadableError: It cannot be read.
        """
        try:
            uri, options = self.place.uri, self.place.options
            if not DeltaTable.is_deltatable(uri, options):
                return Snapshot()
            table = DeltaTable(uri, storage_options=options)
            version = table.version()
            actions: Any = pa.table(table.get_add_actions(flatten=True))
            named = transactions.read(self.place, version)
        except (DeltaError, OSError) as error:
            raise self._unreadable(error) from error
        latest = pc.cast(actions["max.window_start"], pa.timestamp("us", "UTC"))
        ends = pc.fill_null(pc.cast(latest, pa.int64()), (1 << 63) - 1)
        paths = actions["path"].to_pylist()
        return Snapshot(
            version,
            _positions(named),
            dict(zip(paths, ends.to_pylist(), strict=True)),
        )

    def rows(self, snapshot: Snapshot, since_us: int) -> Iterator[pa.Table]:
        """Yield the rows of windows from a time on, and others; some files at once.

        Raises:
            TableUnreadableError: A file cannot be read.
        """
        wanted = [file for file, end in snapshot.latest_us.items() if end >= since_us]
        for begin in range(0, len(wanted), _FILES_AT_ONCE):
            yield self._read(wanted[begin : begin + _FILES_AT_ONCE])

    def gained(self, old: Snapshot, new: Snapshot) -> dict[Place, dict[Cell, Numbers]]:
        """Return what the sums of each place gained from one snapshot to the next.

        Raises:
            TableUnreadableError: A file cannot be read.
        """
        found: dict[Place, dict[Cell, Numbers]] = {}
        added = [file for file in new.files if file not in old.latest_us]
        removed = [file for file in old.files if file not in new.latest_us]
        for files, sign in ((added, 1), (removed, -1)):
            for place, rows in _by_place(self._read(files)):
                add_up(found.setdefault(place, {}), numbers_of(rows), sign)
        return {place: numbers for place, numbers in found.items() if numbers}

    def _read(self, files: Sequence[str]) -> pa.Table:
        parts = []
        try:
            for name in files:
                with self.place.parquet(name) as file:
                    rows = file.read(columns=list(_READ), use_threads=False)
                    parts.append(rows.cast(_SCHEMA))
        except (OSError, pa.ArrowException) as error:
            raise self._unreadable(error) from error
        return pa.concat_tables(parts) if parts else _SCHEMA.empty_table()

    def _unreadable(self, error: Exception) -> TableUnreadableError:
        return TableUnreadableError(
            f"{self.place} cannot be read: {self.place.reason(error)}"
        )


_SCHEMA = pa.schema([schema.WINDOW_COUNTS.field(name) for name in _READ])


def add_up(
    sums: dict[Cell, Numbers], more: Mapping[Cell, Numbers], sign: int = 1
) -> None:
    """Add numbers, or take them off; cells that come to nothing go."""
    for cell, (events, segments) in more.items():
        known = sums.get(cell, (0, 0))
        new = (known[0] + sign * events, known[1] + sign * segments)
        if new == (0, 0):
            sums.pop(cell, None)
        else:
            sums[cell] = new


def _positions(named: Mapping[str, int]) -> dict[Place, int]:
    found = {}
    for name, position in named.items():
        log_id, _, partition = name.rpartition("/")
        if partition.isdecimal():
            found[Place(log_id, int(partition))] = position
    return found


def _by_place(rows: pa.Table) -> Iterator[tuple[Place, pa.Table]]:
    places = rows.group_by(["log_id", "kafka_partition"]).aggregate([])
    for row in places.to_pylist():
        place = Place(row["log_id"], row["kafka_partition"])
        mask = pc.and_(
            pc.equal(rows["log_id"], place.log_id),
            pc.equal(rows["kafka_partition"], place.partition),
        )
        yield place, rows.filter(mask)
