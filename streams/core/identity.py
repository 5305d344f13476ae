"""Which callbacks are copies of one event, and a bounded memory of those seen.

The identity of an event is (message id, destination, type, channel, error code). The
memory of a partition is held in generations of 13 hours of the log's own time; the
current one and the two before are held, so that a copy is known for at least 26 hours.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

GENERATION_US = 13 * 3_600 * 1_000_000
GENERATIONS_HELD = 3
IDENTITY_COLUMNS = (
    "message_id",
    "destination",
    "event_type",
    "channel",
    "error_code",
)

_SMALLEST_TABLE = 1 << 10
_MOST_FILLED = 0.6
_FREE = np.uint64(0)


def hashes(rows: pa.Table | pa.RecordBatch) -> Hashes:
    """Return each row's identity as 64 bits, the same in every version and process.

    Args:
        rows: N rows with the columns of ``IDENTITY_COLUMNS``.

    Returns:
        N hashes, none of them zero (zero marks a free slot of the memory).

    Source:
        xxHash, XXH3 64 bits, https://github.com/Cyan4973/xxHash. At 20 million
        remembered events one new event in 10^12 is taken for a copy.
    """
    keys = pc.cast(_joined(rows), pa.binary()).to_pylist()
    digest = xxhash.xxh3_64_intdigest
    found = np.fromiter((digest(key) for key in keys), np.uint64, len(keys))
    found[found == _FREE] = 1
    return found


def _joined(rows: pa.Table | pa.RecordBatch) -> pa.Array:
    """Join the columns so that no two identities give the same text.

    Each column is written with its length before it: a separator alone could be part
    of what a provider sends. A null is written with no length.
    """
    parts: list[pa.Array] = []
    for name in IDENTITY_COLUMNS:
        text = pc.cast(rows[name], pa.string())
        length = pc.cast(pc.binary_length(text), pa.string())
        parts += [pc.fill_null(length, ""), pc.fill_null(text, "")]
    return pc.binary_join_element_wise(*parts, ":")


class IdentitySet:
    """Identities in an open-addressing table: 14 to 27 bytes each."""

    def __init__(self) -> None:
        """Make an empty set."""
        self._slots: Hashes = np.zeros(_SMALLEST_TABLE, np.uint64)
        self._count = 0

    def __len__(self) -> int:
        """Return how many identities are in the set."""
        return self._count

    @property
    def nbytes(self) -> int:
        """Return the memory of the table, bytes."""
        return int(self._slots.nbytes)

    def contains(self, wanted: Hashes) -> Mask:
        """Return for each hash whether it is in the set."""
        found = np.zeros(len(wanted), np.bool_)
        for rows, slots in self._probe(wanted):
            values = self._slots[slots]
            found[rows[values == wanted[rows]]] = True
        return found

    def add(self, new: Hashes) -> None:
        """Add hashes that are not in the set yet, each once.

        Args:
            new: N hashes, all different, none of them in the set.
        """
        self._make_room(len(new))
        waiting = new
        slots = waiting & self._mask
        while len(waiting):
            free = self._slots[slots] == _FREE
            self._slots[slots[free]] = waiting[free]
            # Two hashes may want one free slot: the one written last has it.
            placed = self._slots[slots] == waiting
            waiting, slots = waiting[~placed], slots[~placed]
            slots = (slots + np.uint64(1)) & self._mask
        self._count += len(new)

    @property
    def _mask(self) -> np.uint64:
        return np.uint64(len(self._slots) - 1)

    def _probe(self, wanted: Hashes) -> Iterator[tuple[npt.NDArray[np.intp], Hashes]]:
        """Yield the rows that are still looked for, and the slot to look into."""
        rows = np.arange(len(wanted))
        slots = wanted & self._mask
        while len(rows):
            yield rows, slots
            values = self._slots[slots]
            going_on = (values != wanted[rows]) & (values != _FREE)
            rows = rows[going_on]
            slots = (slots[going_on] + np.uint64(1)) & self._mask

    def _make_room(self, more: int) -> None:
        size = len(self._slots)
        while (self._count + more) > size * _MOST_FILLED:
            size *= 2
        if size == len(self._slots):
            return
        old = self._slots[self._slots != _FREE]
        self._slots, self._count = np.zeros(size, np.uint64), 0
        self.add(old)


class IdentityMemory:
    """What one partition remembers of the events it has seen."""

    def __init__(self) -> None:
        """Begin with no memory, before the first record of the log."""
        self.log_time_us = 0
        self._generations: dict[int, IdentitySet] = {}

    def __len__(self) -> int:
        """Return how many events are remembered."""
        return sum(len(held) for held in self._generations.values())

    @property
    def nbytes(self) -> int:
        """Return the memory of all tables, bytes."""
        return sum(held.nbytes for held in self._generations.values())

    def take_in(self, identities: Hashes, received_us: npt.NDArray[np.int64]) -> Mask:
        """Return which rows are copies of events seen, and remember the others.

        Args:
            identities: N hashes in the order of the log; zero for a row without one
                (parked): it moves the log's time and is never a copy.
            received_us: N record timestamps, microseconds; may step back.

        Returns:
            N flags: True where the event was seen in an earlier row or call.
        """
        copies = np.zeros(len(identities), np.bool_)
        for generation, rows in self._by_generation(received_us):
            self._forget_before(generation)
            copies[rows] = self._take_in_one(generation, identities[rows])
        return copies

    def remember(self, identities: Hashes, received_us: npt.NDArray[np.int64]) -> None:
        """Bring the memory up from archived rows, in the order of the log.

        Args:
            identities: N hashes; zero for a row that does not enter the memory (parked
                or a copy) but moves the log's time.
            received_us: N record timestamps, microseconds.
        """
        self.take_in(identities, received_us)

    def _by_generation(
        self, received_us: npt.NDArray[np.int64]
    ) -> Iterator[tuple[int, slice]]:
        """Split rows by the generation of the log's time, a running maximum."""
        if not len(received_us):
            return
        log_time = np.maximum(np.maximum.accumulate(received_us), self.log_time_us)
        self.log_time_us = int(log_time[-1])
        generations = log_time // GENERATION_US
        starts = np.flatnonzero(np.diff(generations, prepend=generations[0] - 1))
        ends = [*starts[1:], len(generations)]
        for start, end in zip(starts, ends, strict=True):
            yield int(generations[start]), slice(int(start), int(end))

    def _forget_before(self, generation: int) -> None:
        oldest = generation - GENERATIONS_HELD + 1
        for held in [g for g in self._generations if g < oldest]:
            del self._generations[held]

    def _take_in_one(self, generation: int, identities: Hashes) -> Mask:
        known = np.zeros(len(identities), np.bool_)
        for held in self._generations.values():
            known |= held.contains(identities)
        firsts = np.zeros(len(identities), np.bool_)
        firsts[np.unique(identities, return_index=True)[1]] = True
        named = identities != _FREE
        new = firsts & ~known & named
        current = self._generations.setdefault(generation, IdentitySet())
        current.add(identities[new])
        copies: Mask = named & ~new
        return copies


def oldest_held_us(log_time_us: int) -> int:
    """Return where the oldest generation held at this time of the log begins."""
    generation = log_time_us // GENERATION_US - GENERATIONS_HELD + 1
    return max(generation, 0) * GENERATION_US
