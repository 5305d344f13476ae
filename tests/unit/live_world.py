"""A log, its table, and workers that publish: what a reader of window-counts faces.

Nothing here is clever: positions are lengths of lists, counts are counted anew.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa

from streams.core import publications, windows
from streams.core.announcing import Announcement, Announcer
from streams.core.publications import Cell, Numbers

LOG = "log-1"
BEGIN = int(datetime(2026, 5, 4, 10, tzinfo=UTC).timestamp())
# Two cells of the smaller ones fit a part, one of the largest does not.
PART_BYTES = publications.ENVELOPE_BYTES + 150
LARGE = "x" * 200


class Record(NamedTuple):
    """A record: the broker's time of it, and its cell; None for a copy."""

    timestamp_ms: int
    cell: Cell | None


class Message(NamedTuple):
    """A record of topic window-counts."""

    timestamp_ms: int
    value: bytes


def cell(partition: int, name: str) -> Cell:
    """Return a cell that only this partition has."""
    return (BEGIN, f"P{partition}", name, None, None, "long_code", "failed", 4770)


def table_of(cells: Iterable[Cell | None]) -> pa.Table:
    """Count cells; each event has two segments."""
    rows = [
        dict(
            zip(
                windows.CELLS.names,
                (datetime.fromtimestamp(found[0], UTC), *found[1:], 1, 2),
                strict=True,
            )
        )
        for found in cells
        if found is not None
    ]
    return windows.merge([pa.Table.from_pylist(rows, schema=windows.CELLS)])


@dataclass
class World:
    """What is true: the log, the topic, and the positions of the two tables."""

    partitions: int
    clock_ms: int = 1_000_000
    log: list[list[Record]] = field(default_factory=list)
    topic: list[list[Message]] = field(default_factory=list)
    archived: list[int] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.log = [[] for _ in range(self.partitions)]
        self.topic = [[] for _ in range(self.partitions)]
        self.archived = [0] * self.partitions
        self.counted = [0] * self.partitions

    def tick(self) -> int:
        """Let the broker's clock go on; no two things happen at one time."""
        self.clock_ms += 1
        return self.clock_ms

    def append(self, partition: int, name: str | None) -> None:
        """Append a record to the log."""
        found = None if name is None else cell(partition, name)
        self.log[partition].append(Record(self.tick(), found))

    def write(self, partition: int, value: bytes) -> int:
        """Append a message to the topic; return its timestamp."""
        message = Message(self.tick(), value)
        self.topic[partition].append(message)
        return message.timestamp_ms

    def counts(self, partition: int, begin: int, end: int) -> dict[Cell, Numbers]:
        """Count the records from one position to another."""
        found = Counter(r.cell for r in self.log[partition][begin:end] if r.cell)
        return {counted: (number, 2 * number) for counted, number in found.items()}

    def acknowledged_before(self, time_ms: int) -> Counter[Cell]:
        """Count all events whose record the broker had before a time."""
        records = [record for log in self.log for record in log]
        return Counter(r.cell for r in records if r.cell and r.timestamp_ms < time_ms)


class Worker:
    """One partition as a worker holds it, made from the tables as they are."""

    def __init__(self, world: World, partition: int) -> None:
        """Take the partition over."""
        self.world = world
        self.partition = partition
        self.position = self.archived = world.archived[partition]
        self.counted = world.counted[partition]
        self.last_ms: int | None = None
        self.last_complete = len(world.topic[partition])
        self._fresh: list[pa.Table] | None = []
        self._increments = [(self.position, self._count(self.counted, self.position))]
        self._announcer = Announcer(LOG, partition, 1, PART_BYTES)
        self._acknowledged: tuple[int, int] | None = None

    def _count(self, begin: int, end: int) -> pa.Table:
        return table_of(r.cell for r in self.world.log[self.partition][begin:end])

    def gained(self) -> list[pa.Table]:
        """Return the increments since the counted position."""
        return [cells for _, cells in self._increments]

    def take_fresh(self) -> list[pa.Table] | None:
        """Return the increments since the last call."""
        taken, self._fresh = self._fresh, []
        return taken

    def lose_fresh(self) -> None:
        """Be too busy to keep what was not published."""
        self._fresh = None

    def take_in(self, most: int) -> None:
        """Take the next records in."""
        end = min(self.position + most, len(self.world.log[self.partition]))
        if end == self.position:
            return
        cells = self._count(self.position, end)
        self._increments.append((end, cells))
        if self._fresh is not None:
            self._fresh.append(cells)
        self.position = end
        self.last_ms = self.world.log[self.partition][end - 1].timestamp_ms

    def archive(self) -> bool:
        """Commit rows; return False when another worker did."""
        if self.world.archived[self.partition] != self.archived:
            return False
        self.world.archived[self.partition] = self.archived = self.position
        return True

    def commit_counts(self) -> bool:
        """Commit counts up to the archived position; False when another worker did."""
        is_ours = self.world.archived[self.partition] == self.archived
        if not is_ours or self.world.counted[self.partition] != self.counted:
            return False
        self.world.counted[self.partition] = self.counted = self.archived
        self._increments = [i for i in self._increments if i[0] > self.counted]
        return True

    def publish(self, now: float, *, written: int = 99, told: bool = True) -> None:
        """Publish what is due.

        Args:
            now: The worker's clock, seconds.
            written: How many parts reach the topic before the worker is cut off.
            told: The worker hears that they did.
        """
        announcement = self._announcer.announce(self, now)
        if announcement is not None:
            self._write(announcement, now, written, told=told)

    def sign(self, now: float) -> None:
        """Publish a sign of life and nothing new."""
        announcement = self._announcer.sign(now)
        if announcement is not None:
            self._write(announcement, now, 99, told=True)

    def _write(
        self, announcement: Announcement, now: float, written: int, *, told: bool
    ) -> None:
        head, encoded = announcement.head, announcement.encoded
        values = list(publications.encode(head, encoded))
        assert all(len(value) <= PART_BYTES for value in values)
        if head.complete:
            self.last_complete = len(self.world.topic[self.partition])
        times = [self.world.write(self.partition, v) for v in values[:written]]
        if told and written >= len(values):
            self._announcer.acknowledged(now)
            self._acknowledged = (head.position, times[-1])

    def look_at_the_end(self) -> None:
        """Ask where the log ends, after the last acknowledgement."""
        if self._acknowledged is not None:
            end = len(self.world.log[self.partition])
            self._announcer.found_end(end, self._acknowledged[1])
