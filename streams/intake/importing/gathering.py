"""What of the bodies is sent, and in which records."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from streams.archive.known import Known
from streams.core import identity, murmur2_columns, taking
from streams.core.columns import identity_columns
from streams.core.wire import Callback
from streams.intake.importing.batches import Batch
from streams.intake.lane import GATHERED_BYTES, SHALLOW_BRACKETS
from streams.topics import (
    MAX_MESSAGE_BYTES,
    Element,
    ElementLike,
    Record,
    by_partition,
    partition_of,
    record_of,
)

# All partitions together; with thousands of them none would ever be full.
_HELD_BYTES = 16 << 20
# What Kafka adds to a record: header, key, and the place it is from.
_LONGEST_ELEMENT = MAX_MESSAGE_BYTES - (16 << 10)
_PLACES_KEPT = 5


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to be sent.

    Attributes:
        record: Partition, key and value.
        origin: ``file:line``, for what is parked.
        elements: Callbacks and parked elements in it.
    """

    record: Record
    origin: str | None
    elements: int


@dataclass(slots=True)
class Counts:
    """What came of the elements read.

    Attributes:
        callbacks: Readable ones.
        already_archived: Those of them left out.
        parked: Unreadable elements and bodies that are sent.
        already_parked: Those left out: an earlier import parked them.
        places: What is wrong with the first of those parked, and where.
    """

    callbacks: int = 0
    already_archived: int = 0
    parked: int = 0
    already_parked: int = 0
    places: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Lane:
    """What waits to become one record of one partition."""

    key: bytes | None = None
    contents: list[bytes] = field(default_factory=list)
    size: int = 0


class Gatherer:
    """Makes records: up to 256 KiB of callbacks, each one's bytes unchanged."""

    def __init__(
        self,
        partitions: int,
        known: Known,
        send: Callable[[Outgoing], None],
        too_long: Callable[[str, int], None],
    ) -> None:
        """Begin with nothing gathered.

        Args:
            partitions: Partitions of the topic.
            known: What the archive has and is left out.
            send: Takes each record that is made.
            too_long: Called with place and length of an element that no record can
                hold.
        """
        self.counts = Counts()
        self._partitions = partitions
        self._known = known
        self._send = send
        self._too_long = too_long
        self._lanes = [_Lane() for _ in range(partitions)]
        self._held = 0

    def add(self, batch: Batch) -> None:
        """Take a batch in; records that are full are sent."""
        taken = taking.take(batch.bodies)
        if taken.callbacks:
            self._add_callbacks(batch, taken)
        if taken.parked:
            self._park(batch, taken.parked)
        if self._held > _HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what is gathered."""
        for partition in range(self._partitions):
            self._send_lane(partition)

    def _add_callbacks(self, batch: Batch, taken: taking.Taken) -> None:
        ids = pa.array([c.message.id for c in taken.callbacks], pa.string())
        hashes = murmur2_columns.hashes(ids) & np.uint32(0x7FFFFFFF)
        partitions = hashes % np.uint32(self._partitions)
        left_out = self._are_archived(taken.callbacks)
        self.counts.callbacks += len(taken.callbacks)
        self.counts.already_archived += int(left_out.sum())
        for row in self._alone(batch, taken):
            if not left_out[row]:
                left_out[row] = True
                self._send_alone(batch, taken, row)
        for partition in np.unique(partitions[~left_out]).tolist():
            rows_here = np.flatnonzero((partitions == partition) & ~left_out)
            self._gather(partition, taken, rows_here.tolist())

    def _are_archived(self, callbacks: list[Callback]) -> identity.Mask:
        if not len(self._known.events):  # a quarter of the time, for nothing
            return np.zeros(len(callbacks), np.bool_)
        return self._known.has_events(identity.hashes(identity_columns(callbacks)))

    def _gather(self, partition: int, taken: taking.Taken, rows: list[int]) -> None:
        """Add callbacks to a partition's next record, or to as many as they fill."""
        contents = [taken.contents[row] for row in rows]
        size = sum(map(len, contents)) + len(contents)
        lane = self._lanes[partition]
        if lane.size + size > GATHERED_BYTES:
            self._send_lane(partition)
            lane = self._lanes[partition]
        if size > GATHERED_BYTES:
            half = len(rows) // 2
            self._gather(partition, taken, rows[:half])
            self._gather(partition, taken, rows[half:])
            return
        if lane.key is None:
            lane.key = taken.callbacks[rows[0]].message.id.encode()
        lane.contents += contents
        lane.size += size
        self._held += size

    def _alone(self, batch: Batch, taken: taking.Taken) -> list[int]:
        """Return the rows that cannot stand in an array with others."""
        deep = [row for row in taken.careful if _is_deep(taken.contents[row])]
        if max(map(len, batch.bodies)) < GATHERED_BYTES:
            return deep
        long = (r for r, c in enumerate(taken.contents) if len(c) >= GATHERED_BYTES)
        return sorted({*deep, *long})

    def _send_alone(self, batch: Batch, taken: taking.Taken, row: int) -> None:
        content, place = taken.contents[row], batch.origin(taken.bodies[row])
        if self._fits(content, place):
            name = taken.callbacks[row].message.id
            partition = partition_of(name.encode(), self._partitions)
            record = record_of(partition, [Element(content, name)])
            self._send(Outgoing(record, None, 1))

    def _fits(self, content: bytes, place: str) -> bool:
        if len(content) > _LONGEST_ELEMENT:
            self._too_long(place, len(content))
            return False
        return True

    def _park(self, batch: Batch, parked: list[taking.Parked]) -> None:
        by_body: dict[int, list[taking.Parked]] = {}
        for each in parked:
            by_body.setdefault(each.body, []).append(each)
        for body, elements in by_body.items():
            self._park_body(batch.origin(body), elements)

    def _park_body(self, origin: str, parked: list[taking.Parked]) -> None:
        """Send what cannot be read of one body, with its place.

        What goes to one partition is one record: of elements that are alike, which a
        second run cannot tell apart, an interrupted import has sent all or none.
        """
        new = [e for e in parked if not self._known.has_parked(origin, e.content)]
        self.counts.already_parked += len(parked) - len(new)
        new = [each for each in new if self._fits(each.content, origin)]
        self.counts.parked += len(new)
        for each in new[: _PLACES_KEPT - len(self.counts.places)]:
            self.counts.places.append(f"{origin}: {each.problem}")
        elements = [Element(e.content, e.message_id, e.is_json) for e in new]
        for partition, group in by_partition(elements, self._partitions).items():
            for some in _cut(group):
                record = record_of(partition, some)
                self._send(Outgoing(record, origin, len(some)))

    def _send_lane(self, partition: int) -> None:
        lane = self._lanes[partition]
        if not lane.contents:
            return
        value = b"[" + b",".join(lane.contents) + b"]"
        record = Record(partition, lane.key, value)
        self._lanes[partition] = _Lane()
        self._held -= lane.size
        self._send(Outgoing(record, None, len(lane.contents)))


def _is_deep(content: bytes) -> bool:
    return content.count(b"[") + content.count(b"{") > SHALLOW_BRACKETS


def _cut(group: Sequence[ElementLike]) -> Iterator[Sequence[ElementLike]]:
    """Cut elements into parts that a record can hold: nearly always one."""
    some: list[ElementLike] = []
    size = 0
    for element in group:
        size += len(element.content) + 1
        if some and size > _LONGEST_ELEMENT:
            yield some
            some, size = [], len(element.content) + 1
        some.append(element)
    yield some
