"""A bounded memory of the events seen: which callbacks are copies of one event.

The memory of a partition is held in generations of 13 hours of the log's own time; the
current one and the two before are held, so that a copy is known for at least 26 hours.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from streams.core.identity import Hashes, Mask

GENERATION_US = 13 * 3_600 * 1_000_000
GENERATIONS_HELD = 3

_SMALLEST_TABLE = 1 << 10
# Filled between 0.54 and 0.7: 11.4 to 14.9 bytes an event, growth included.
_MOST_FILLED = 0.7
_GROWTH = 1.3
_BLOCK = 1 << 16
# The few searches that are long look at many slots at once: one by one they would take
# most of the time.
_FEW = 256
_NEIGHBOURS = np.arange(32)
_FREE = np.uint64(0)
_HALF = np.uint64(32)
_NOTHING: Hashes = np.empty(0, np.uint64)


class IdentitySet:
    """Identities in an open-addressing table: at most 15 bytes each from 1,000 on.

    A hash's slot is its share of the table (its upper half, scaled): slots are nearly
    in the order of the hashes, so that sorted hashes are looked up, added and moved to
    a larger table in the order of the memory.
    """

    def __init__(self, hashes: Hashes = _NOTHING) -> None:
        """Make a set.

        Args:
            hashes: N hashes, all different, none of them zero.
        """
        self._count = 0
        self._size = _SMALLEST_TABLE
        self._slots: Hashes = _NOTHING
        self._lay_out(_merged(hashes, _NOTHING))

    def __len__(self) -> int:
        """Return how many identities are in the set."""
        return self._count

    @property
    def nbytes(self) -> int:
        """Return the memory of the table, bytes."""
        return int(self._slots.nbytes)

    def hashes(self) -> Hashes:
        """Return the N hashes of the set, in no order."""
        held: Hashes = self._slots[self._slots != _FREE]
        return held

    def contains(self, wanted: Hashes) -> Mask:
        """Return for each hash whether it is in the set; sorted ones are quicker."""
        found = np.zeros(len(wanted), np.bool_)
        rows: npt.NDArray[np.intp] = np.arange(len(wanted))
        looked_for, slots = wanted, self._first_slots(wanted)
        while len(rows) > _FEW:
            values = self._slots[slots]
            found[rows[values == looked_for]] = True
            left = np.flatnonzero((values != looked_for) & (values != _FREE))
            rows, looked_for, slots = rows[left], looked_for[left], slots[left] + 1
        while len(rows):
            windows = self._slots[slots[:, np.newaxis] + _NEIGHBOURS]
            hits = (windows == looked_for[:, np.newaxis]).any(axis=1)
            found[rows[hits]] = True
            left = np.flatnonzero(~hits & (windows != _FREE).all(axis=1))
            rows, looked_for = rows[left], looked_for[left]
            slots = slots[left] + len(_NEIGHBOURS)
        return found

    def add(self, new: Hashes) -> None:
        """Add hashes that are not in the set yet, each once; sorted ones are quicker.

        Args:
            new: N hashes, all different, none of them zero or in the set.
        """
        if self._count + len(new) > self._size * _MOST_FILLED:
            self._lay_out(_merged(self.hashes(), new))
            return
        self._count += len(new)
        waiting, slots = new, self._first_slots(new)
        while len(waiting):
            if len(waiting) <= _FEW:
                slots = self._next_free(slots)
            else:
                slots = slots + (self._slots[slots] != _FREE)
            # The last slots stay free: there every search ends.
            if slots.max() >= len(self._slots) - len(_NEIGHBOURS):
                self._lay_out(_merged(self.hashes(), waiting))
                return
            is_free = self._slots[slots] == _FREE
            self._slots[slots[is_free]] = waiting[is_free]
            # Two hashes may want one free slot: the one written last has it.
            left = np.flatnonzero(self._slots[slots] != waiting)
            waiting, slots = waiting[left], slots[left]

    def _next_free(self, slots: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Return the first free slots from these on, or where to look on."""
        is_free = self._slots[slots[:, np.newaxis] + _NEIGHBOURS] == _FREE
        steps = np.where(is_free.any(axis=1), is_free.argmax(axis=1), len(_NEIGHBOURS))
        return slots + steps

    def _first_slots(self, hashes: Hashes) -> npt.NDArray[np.intp]:
        return (((hashes >> _HALF) * np.uint64(self._size)) >> _HALF).astype(np.intp)

    def _lay_out(self, ordered: Hashes) -> None:
        """Make the table anew, large enough, from all its hashes in order."""
        self._count = len(ordered)
        if len(ordered) > self._size * _MOST_FILLED:
            self._size = int(len(ordered) / _MOST_FILLED * _GROWTH)
        # Room behind the end for those that the last slots push on.
        behind = _SMALLEST_TABLE
        while not self._try_to_lay_out(ordered, behind):
            behind *= 2

    def _try_to_lay_out(self, ordered: Hashes, behind: int) -> bool:
        """Give each hash its slot, or the next one behind the hash before it."""
        self._slots = np.zeros(self._size + behind, np.uint64)
        next_free = 0
        for begin in range(0, len(ordered), _BLOCK):
            block = ordered[begin : begin + _BLOCK]
            steps = np.arange(len(block))
            slots = self._first_slots(block) - steps
            slots[0] = max(slots[0], next_free)
            slots = np.maximum.accumulate(slots) + steps
            next_free = int(slots[-1]) + 1
            if next_free > len(self._slots) - len(_NEIGHBOURS):
                return False
            self._slots[slots] = block
        return True


def _merged(held: Hashes, new: Hashes) -> Hashes:
    """Return all in order; a stable sort is quick where most are in order already."""
    return np.sort(np.concatenate([held, np.sort(new)]), kind="stable")


class IdentityMemory:
    """What one partition remembers of the events it has seen."""

    def __init__(self) -> None:
        """Begin with no memory, before the first record of the log."""
        self.log_time_us = 0
        self._generations: dict[int, IdentitySet] = {}
        self._entered: list[tuple[int, Hashes]] = []

    def __len__(self) -> int:
        """Return how many events are remembered."""
        return sum(len(held) for held in self._generations.values())

    @property
    def nbytes(self) -> int:
        """Return the memory of all tables, bytes."""
        return sum(held.nbytes for held in self._generations.values())

    def generations(self) -> dict[int, Hashes]:
        """Return the hashes held, by number of their generation, in no order."""
        return {number: held.hashes() for number, held in self._generations.items()}

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

    def take_entered(self) -> list[tuple[int, Hashes]]:
        """Return what entered since the last call: generation and hashes."""
        entered, self._entered = self._entered, []
        return entered

    def entered(self) -> list[tuple[int, Hashes]]:
        """Return what the next call of :meth:`take_entered` will."""
        return list(self._entered)

    def give_back(self, entered: list[tuple[int, Hashes]]) -> None:
        """Let the next call of :meth:`take_entered` return this again, first."""
        self._entered = [*entered, *self._entered]

    def restore(self, parts: Mapping[int, Hashes], log_time_us: int) -> None:
        """Remember what entered before, and forget as it was forgotten since.

        Args:
            parts: By number of the generation in which they entered, hashes that are
                all different and not remembered yet; none of them zero.
            log_time_us: The log's time behind them, microseconds.
        """
        self.log_time_us = max(self.log_time_us, log_time_us)
        current = self.log_time_us // GENERATION_US
        for generation, hashes in parts.items():
            if len(hashes) and is_held(generation, current):
                held = self._generations.get(generation)
                if held is None:
                    self._generations[generation] = IdentitySet(hashes)
                else:
                    held.add(hashes)
        self._forget_before(current)

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

    def _forget_before(self, current: int) -> None:
        for number in [g for g in self._generations if not is_held(g, current)]:
            del self._generations[number]

    def _take_in_one(self, generation: int, identities: Hashes) -> Mask:
        """Mark copies among rows of one generation, and remember the others."""
        # Mostly none comes twice: to sort them alone takes a sixth of sorting places.
        different = np.sort(identities)
        is_each_once = different[0] != _FREE and (different[1:] != different[:-1]).all()
        if not is_each_once:
            different, firsts = np.unique(identities, return_index=True)
        known = different == _FREE
        for held in self._generations.values():
            known |= held.contains(different)
        new = different[~known]
        if len(new):
            self._generations.setdefault(generation, IdentitySet()).add(new)
            self._entered.append((generation, new))
        if is_each_once:
            return np.isin(identities, different[known])
        copies: Mask = identities != _FREE
        copies[firsts[~known]] = False
        return copies


def is_held(generation: int, current: int) -> bool:
    """Tell whether a generation is remembered while another one is the current."""
    return current - GENERATIONS_HELD < generation <= current


def oldest_held_us(log_time_us: int) -> int:
    """Return where the oldest generation held at this time of the log begins."""
    generation = log_time_us // GENERATION_US - GENERATIONS_HELD + 1
    return max(generation, 0) * GENERATION_US
