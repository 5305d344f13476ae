"""Reading archived rows back when a partition is taken over, in bounded slices.

Every file is read twice: a few columns first, to learn which offsets lie in which
generation, and then, in any order, what is remembered and counted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from streams.archive import entries, schema
from streams.archive.outline import OUTLINE_COLUMNS, Outline, by_partition, numbers
from streams.archive.table import ArchiveTable
from streams.core import identity, windows
from streams.core.memory import oldest_held_us
from streams.core.positions import transaction_id

_REMEMBERED = tuple(
    dict.fromkeys((*OUTLINE_COLUMNS, *identity.IDENTITY_COLUMNS, "is_copy", "problem"))
)
_COUNTED = tuple(dict.fromkeys((*_REMEMBERED, *windows.COUNTED_COLUMNS)))
_STATISTICS = (
    "path",
    "min.log_id",
    "max.log_id",
    "max.kafka_offset",
    "max.received_at",
)
# 64 thousand rows at once take 40 MB while their texts are joined.
_ROWS_AT_ONCE = 1 << 16
_BEHIND_ALL = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Place:
    """What is known already of a partition, and what has to be read.

    Attributes:
        archived: Its position in the table, P.
        count_from: Rows from here to P are to be counted, Q.
        remembered: The memory up to here is at hand; None when there is none, and it
            has to be made from as many rows as it holds.
        log_time_us: The log's time at that place, microseconds.
    """

    archived: int
    count_from: int
    remembered: int | None = None
    log_time_us: int = 0


@dataclass(frozen=True, slots=True)
class Slice:
    """Some rows of one partition.

    Attributes:
        partition: Its number.
        entered: Identities that entered the memory, by generation.
        uncounted: Rows to be counted, columns of counting.
    """

    partition: int
    entered: Mapping[int, identity.Hashes]
    uncounted: pa.Table


class Recovery:
    """Reads what a takeover needs of one log."""

    def __init__(
        self, table: ArchiveTable, log_id: str, places: Mapping[int, Place]
    ) -> None:
        """Find out what has to be read: the first of three steps.

        Args:
            table: Table callbacks, its snapshot fresh.
            log_id: The log the positions belong to.
            places: By partition.

        Raises:
            OSError: A file cannot be read.
        """
        self._table = table
        self._log_id = log_id
        self._places = {p: at for p, at in places.items() if _has_to_be_read(at)}
        self._outlines = {p: Outline() for p in self._places}
        self._scanned: dict[str, bool] = {}
        self._remember: dict[int, int] = {}
        self._lowest = 0
        for partition, place in self._places.items():
            self._outlines[partition].begin_after(place.log_time_us)
        self._files = self._candidates()
        self._scan_recent()

    def known_time_us(self, partition: int) -> int:
        """Return the log's time as far as it is known, microseconds.

        It is that at P for partitions of which no memory was at hand.
        """
        outline = self._outlines.get(partition)
        return 0 if outline is None else outline.log_time_us

    def begin_after(self, partition: int, log_time_us: int) -> None:
        """Let a partition's rows follow those of another log, up to this time."""
        if partition in self._outlines:
            self._outlines[partition].begin_after(log_time_us)

    def log_times_us(self) -> dict[int, int]:
        """Find out the rest; return the log's time at P, microseconds: step two.

        Returns:
            By partition of which rows have to be read.
        """
        # Which generations are still held is known when all since were looked at.
        self._keep_files(self._known_from)
        for file in self._files:
            self._scan(file.path, self._lowest)
        self._remember = {p: self._remember_from(p) for p in self._places}
        self._keep_files(self._remember.__getitem__)
        return {p: outline.log_time_us for p, outline in self._outlines.items()}

    def slices(self) -> Iterator[Slice]:
        """Read the rows, each once, in no order: step three."""
        for columns, is_counted in ((_REMEMBERED, False), (_COUNTED, True)):
            paths = [f.path for f in self._files if self._scanned[f.path] is is_counted]
            read = (self._batches(path, columns, self._lowest) for path in paths)
            for rows in _gathered(read):
                for partition, is_own in by_partition(rows):
                    if partition in self._places:
                        yield self._slice(partition, rows.filter(is_own))

    def _keep_files(self, remember_from: Callable[[int], int]) -> None:
        """Leave aside what holds nothing to be remembered or counted."""
        begins = [
            min(remember_from(partition), place.count_from)
            for partition, place in self._places.items()
        ]
        self._lowest = min(begins, default=_BEHIND_ALL)
        # Rows of a broker whose clock stepped back are behind newer ones in the log.
        self._files = [f for f in self._files if f.last_offset >= self._lowest]

    def _known_from(self, partition: int) -> int:
        remembered = self._places[partition].remembered
        return self._remember_from(partition) if remembered is None else remembered

    def _remember_from(self, partition: int) -> int:
        place = self._places[partition]
        held = self._outlines[partition].first_held()
        if held is None:
            return place.archived
        return max(held, place.remembered or 0)

    def _slice(self, partition: int, rows: pa.Table) -> Slice:
        enters = pc.and_(
            pc.and_(pc.invert(rows["is_copy"]), pc.is_null(rows["problem"])),
            pc.greater_equal(rows["kafka_offset"], self._remember[partition]),
        )
        events = rows.filter(enters)
        hashes = identity.hashes(events)
        offsets = numbers(events["kafka_offset"])
        of_row = offsets  # none
        if len(offsets):
            of_row = self._outlines[partition].generations(offsets)
        counted = pc.greater_equal(
            rows["kafka_offset"], self._places[partition].count_from
        )
        return Slice(
            partition,
            {int(g): hashes[of_row == g] for g in np.unique(of_row)},
            rows.filter(counted),
        )

    def _candidates(self) -> "list[_File]":
        """Return the files that may have to be read, those with the newest rows first.

        Where the memory is at hand, the table's log tells what was added since.
        """
        known = {
            transaction_id(self._log_id, partition): min(
                place.remembered, place.count_from
            )
            for partition, place in self._places.items()
            if place.remembered is not None
        }
        if len(known) == len(self._places):
            version = self._table.version()
            paths = entries.files_since(self._table.place, version, known)
            if paths is not None:
                return [_File(path, 0, _BEHIND_ALL) for path in paths]
        found = [
            _File(file["path"], _microseconds(file), file["max.kafka_offset"])
            for file in self._table.files(_STATISTICS)
            if file["min.log_id"] <= self._log_id <= file["max.log_id"]
        ]
        return sorted(found, key=lambda file: file.latest_us, reverse=True)

    def _scan_recent(self) -> None:
        """Scan files until no further one can hold a row that is remembered."""
        new = [p for p, place in self._places.items() if place.remembered is None]
        for file in self._files:
            oldest = [oldest_held_us(self._outlines[p].log_time_us) for p in new]
            if file.latest_us < min(oldest, default=_BEHIND_ALL):
                return
            self._scan(file.path, 0)

    def _scan(self, path: str, lowest: int) -> None:
        if path in self._scanned:
            return
        is_counted = False
        for rows in self._batches(path, OUTLINE_COLUMNS, lowest):
            for partition, is_own in by_partition(rows):
                place = self._places.get(partition)
                if place is None:
                    continue
                own = rows.filter(is_own)
                offsets = numbers(own["kafka_offset"])
                is_new = offsets >= (place.remembered or 0)
                received = numbers(own["received_at"])
                self._outlines[partition].add(offsets[is_new], received[is_new])
                is_counted |= bool(offsets.max(initial=-1) >= place.count_from)
        self._scanned[path] = is_counted

    def _batches(
        self, path: str, columns: Iterable[str], lowest: int
    ) -> Iterator[pa.Table]:
        with self._table.place.parquet(path) as file:
            groups = _row_groups(file, lowest)
            read = file.iter_batches(_ROWS_AT_ONCE, groups, list(columns))
            for batch in read:
                rows = pa.Table.from_batches([batch])
                # delta-rs names text another type in files that it has rewritten.
                fields = [schema.CALLBACKS.field(name) for name in rows.column_names]
                rows = rows.cast(pa.schema(fields))
                is_own = pc.equal(rows["log_id"], self._log_id)
                yield rows if pc.all(is_own).as_py() else rows.filter(is_own)


@dataclass(frozen=True, slots=True)
class _File:
    """A file: when its latest row was received, and its highest offset, or more."""

    path: str
    latest_us: int
    last_offset: int


def _has_to_be_read(place: Place) -> bool:
    remembered = place.remembered or 0
    return min(remembered, place.count_from) < place.archived


def _microseconds(file: Mapping[str, Any]) -> int:
    value = pa.scalar(file["max.received_at"], schema.UTC_MICROSECONDS).value
    return int(value)


def _row_groups(file: pq.ParquetFile, lowest: int) -> list[int]:
    """Return the parts of a file that may hold an offset that is not too low."""
    found = []
    for number in range(file.num_row_groups):
        group = file.metadata.row_group(number)
        column = file.schema_arrow.get_field_index("kafka_offset")
        statistics = group.column(column).statistics
        if statistics is None or not statistics.has_min_max or statistics.max >= lowest:
            found.append(number)
    return found


def _gathered(parts: Iterable[Iterable[pa.Table]]) -> Iterator[pa.Table]:
    """Put small tables together: one by one they would cost far more."""
    waiting: list[pa.Table] = []
    count = 0
    for rows in (rows for part in parts for rows in part):
        waiting.append(rows)
        count += len(rows)
        if count >= _ROWS_AT_ONCE:
            yield pa.concat_tables(waiting)
            waiting, count = [], 0
    if count:
        yield pa.concat_tables(waiting)
