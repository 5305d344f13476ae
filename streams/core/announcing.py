"""What the owner of a partition publishes of its counts, when, and what it may claim.

One :class:`Announcer` for each time a partition is held. It is told of nothing while
records are taken in: it looks at what the partition gained when it is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from streams.core import publications, windows
from streams.core.publications import Encoded, Head

COMPLETE_SECONDS = 30.0
# Asked every 250 ms, this is once a second also where an answer comes late.
SIGN_SECONDS = 0.6
# After a pause as long as this, whoever was replaced meanwhile tells everything anew.
SLEPT_SECONDS = 5.0


class Gains(Protocol):
    """What an announcer reads of a partition."""

    @property
    def counted(self) -> int:
        """Q, the position of table window_counts."""

    @property
    def position(self) -> int:
        """Offset of the next record to take in."""

    @property
    def last_ms(self) -> int | None:
        """Timestamp of the last record taken in, milliseconds; None when not known."""

    def gained(self) -> list[pa.Table]:
        """Return all increments of cells from Q to the position."""

    def take_fresh(self) -> list[pa.Table] | None:
        """Return the increments since the last call; None when not all are known."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A message to be published: what its parts share, and their cells."""

    head: Head
    encoded: Encoded


@dataclass(frozen=True, slots=True)
class _HeldBack:
    """A cell too large to publish, from a position on: until then as_of was this."""

    position: int
    as_of: int | None


class Announcer:
    """Decides what is to be published of a partition."""

    def __init__(
        self,
        log_id: str,
        partition: int,
        rules_version: int,
        part_bytes: int = publications.PART_BYTES,
    ) -> None:
        """Begin with nothing published."""
        self._log_id = log_id
        self._partition = partition
        self._rules_version = rules_version
        self._part_bytes = part_bytes
        self._base = self._position = -1
        self._sums = windows.CELLS.empty_table()
        self._readers_have_all = False
        self._asked_at = self._complete_due = self._sign_due = float("-inf")
        self._end: tuple[int, int] | None = None
        self._as_of: int | None = None
        self._held_back: list[_HeldBack] = []

    @property
    def waits_for_the_table(self) -> bool:
        """Tell whether cells are too large to publish: only the table can tell them."""
        return bool(self._held_back)

    def announce(self, gains: Gains, now: float) -> Announcement | None:
        """Return what is to be published now, or None when nothing is.

        Args:
            gains: The partition.
            now: Seconds of a clock that never steps back.
        """
        fresh = gains.take_fresh()
        readers_have_all, self._readers_have_all = self._readers_have_all, False
        is_complete = (
            fresh is None
            or gains.counted != self._base
            or not readers_have_all
            or now >= self._complete_due
            or now - self._asked_at > SLEPT_SECONDS
        )
        self._asked_at = now
        if is_complete:
            self._sums = windows.merge(gains.gained())
            cells = publications.in_order(self._sums)
        else:
            self._sums, cells = changed(self._sums, fresh or ())
            if not len(cells) and now < self._sign_due:
                self._readers_have_all = True
                return None
        self._rebase(gains.counted)
        self._position = gains.position
        encoded = publications.encode_cells(cells, self._part_bytes)
        if is_complete:
            self._complete_due = now + COMPLETE_SECONDS
        return Announcement(self._head(gains, encoded, complete=is_complete), encoded)

    def sign(self, now: float) -> Announcement | None:
        """Return a sign of life that tells nothing new, or None when none is due."""
        if not self._readers_have_all or now < self._sign_due:
            return None
        self._asked_at = now
        head = Head(
            log_id=self._log_id,
            partition=self._partition,
            base=self._base,
            position=self._position,
            complete=False,
            rules_version=self._rules_version,
            as_of=self._as_of,
        )
        return Announcement(head, Encoded([b""], 0))

    def _rebase(self, base: int) -> None:
        self._base = base
        self._held_back = [held for held in self._held_back if held.position > base]

    def _head(self, gains: Gains, encoded: Encoded, *, complete: bool) -> Head:
        if encoded.too_large:
            self._held_back.append(_HeldBack(gains.position, self._as_of))
        self._as_of = self._claim(gains)
        return Head(
            log_id=self._log_id,
            partition=self._partition,
            base=gains.counted,
            position=gains.position,
            complete=complete,
            rules_version=self._rules_version,
            as_of=self._as_of,
        )

    def _claim(self, gains: Gains) -> int | None:
        """Return the time before which everything acknowledged is in the message."""
        if self._held_back:
            return self._held_back[0].as_of
        # At the log's end the end's time counts, also where it is the earlier one: then
        # a clock was set back.
        if self._end is not None and self._end[0] == gains.position:
            return self._end[1]
        return gains.last_ms

    def acknowledged(self, now: float) -> None:
        """Note that Kafka has the last announcement."""
        self._readers_have_all = True
        self._sign_due = now + SIGN_SECONDS

    def found_end(self, end: int, acknowledged_ms: int) -> None:
        """Note where the log ended after an announcement was acknowledged.

        Args:
            end: The log's end, asked for after the acknowledgement.
            acknowledged_ms: The announcement's timestamp, milliseconds.
        """
        self._end = (end, acknowledged_ms)


def changed(
    sums: pa.Table, increments: Sequence[pa.Table]
) -> tuple[pa.Table, pa.Table]:
    """Add increments to sums of cells.

    Args:
        sums: Cells of schema ``windows.CELLS``, each once.
        increments: Tables of that schema; may be empty.

    Returns:
        The sums with the increments, and those of them that changed.
    """
    new = [table for table in increments if len(table)]
    if not new:
        return sums, windows.CELLS.empty_table()
    tables = [_marked(sums, is_new=False), *(_marked(t, is_new=True) for t in new)]
    grouped = pa.concat_tables(tables).group_by(
        list(windows.DIMENSIONS), use_threads=False
    )
    summed = grouped.aggregate([("events", "sum"), ("segments", "sum"), ("new", "max")])
    is_new = summed["new_max"]
    cells = summed.drop_columns(["new_max"]).rename_columns(windows.CELLS.names)
    cells = cells.cast(windows.CELLS)
    return cells, cells.filter(is_new)


def _marked(cells: pa.Table, *, is_new: bool) -> pa.Table:
    return cells.append_column("new", pa.repeat(is_new, len(cells)))
