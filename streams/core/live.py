"""Totals that are always right: the table's sums and what was published since.

A reader of topic window-counts holds, for each log and partition, the table's sums at
the table's position Q (its *base*) and, for each cell, the published numbers of that
base with the highest position. Late, repeated, reordered and stale messages change
nothing. It moves to a newer base only when it has the table at that base and a complete
message for it, and no cell steps back. docs/live-counts.md tells why that is enough.

The sums themselves stay with the caller: a reader says by how much totals change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.core.gathered import Changes, Gathered
from streams.core.publications import Cell, Numbers, Publication

# A reader starts reading this far back; a partition that nobody wrote about for as long
# is not waited for.
SILENCE_MS = 600_000
# Of what is ahead of the table only the newest is worth keeping.
_MOST_NEWER = 3
# Logs that the table does not know: one is to be expected, more are nonsense.
_MOST_UNKNOWN_LOGS = 4

_Version = tuple[int, int]


class Place(NamedTuple):
    """A partition of one log."""

    log_id: str
    partition: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a place is.

    Attributes:
        base: Position of table window_counts whose sums are in the totals.
        position: The records below it are in the totals.
        as_of: Everything acknowledged before is in the totals, broker's milliseconds
            since 1970; None when nobody has said so.
        is_complete: A complete message of the base was read.
        written_ms: Broker's time of the newest message, milliseconds; None without one.
    """

    base: int
    position: int
    as_of: int | None
    is_complete: bool
    written_ms: int | None


@dataclass(slots=True)
class _Offer:
    position: int
    gained: Mapping[Cell, Numbers]


@dataclass(slots=True)
class _Held:
    """What is held of a place, and what waits until it can be."""

    base: int
    rules: int = 0
    gathered: Gathered = field(default_factory=Gathered)
    newer: dict[_Version, Gathered] = field(default_factory=dict)
    offer: _Offer | None = None
    written_ms: int | None = None
    refused_ms: int | None = None

    def take_in(self, publication: Publication, written_ms: int) -> Changes:
        self.written_ms = max(written_ms, self.written_ms or 0)
        version = (publication.base, publication.rules_version)
        if publication.base == self.base and self._has_nothing():
            self.rules = max(self.rules, publication.rules_version)
        if version == (self.base, self.rules):
            return self.gathered.add(publication)
        if version < (self.base, self.rules):
            return {}
        self.newer.setdefault(version, Gathered()).add(publication)
        if len(self.newer) > _MOST_NEWER:
            del self.newer[min(self.newer)]
        return self.move()

    def _has_nothing(self) -> bool:
        return not self.gathered.numbers and not self.gathered.is_complete

    def move(self) -> Changes:
        """Move to the newest base that can be had; return what that changes."""
        for version in sorted(self.newer, reverse=True):
            gathered = self.newer[version]
            if gathered.is_complete and self._has_table_at(version[0]):
                changes = self._changes(version[0], gathered)
                if self._may_move(version, gathered, changes):
                    self._move(version, gathered)
                    return changes
        return {}

    def _has_table_at(self, base: int) -> bool:
        return base == self.base or (
            self.offer is not None and base == self.offer.position
        )

    def _changes(self, base: int, gathered: Gathered) -> Changes:
        changes: Changes = {}
        if base != self.base and self.offer is not None:
            changes.update(self.offer.gained)
        for cell, (_, events, segments) in gathered.numbers.items():
            known = changes.get(cell, (0, 0))
            changes[cell] = (known[0] + events, known[1] + segments)
        for cell, (_, events, segments) in self.gathered.numbers.items():
            known = changes.get(cell, (0, 0))
            changes[cell] = (known[0] - events, known[1] - segments)
        return {cell: change for cell, change in changes.items() if change != (0, 0)}

    def _may_move(
        self, version: _Version, gathered: Gathered, changes: Changes
    ) -> bool:
        """Tell whether nothing steps back, or waiting for that was in vain.

        A worker that takes over begins behind the one before it: until it has come as
        far, the totals stay. Where it never does, the numbers held were nonsense.
        """
        if version[1] == self.rules:
            is_ahead = all(events >= 0 for events, _ in changes.values())
        else:
            is_ahead = gathered.position >= self.gathered.position
        if is_ahead:
            return True
        now = self.written_ms or 0
        if self.refused_ms is None:
            self.refused_ms = now
        return now - self.refused_ms >= SILENCE_MS

    def _move(self, version: _Version, gathered: Gathered) -> None:
        self.base, self.rules = version
        self.gathered = gathered
        self.newer = {v: g for v, g in self.newer.items() if v > version}
        if self.offer is not None and self.offer.position <= self.base:
            self.offer = None
        self.refused_ms = None


class Reader:
    """Which published numbers count, for every log and partition."""

    def __init__(
        self, log_id: str, partitions: int, positions: Mapping[Place, int]
    ) -> None:
        """Begin at a snapshot of table window_counts; its sums are the first totals.

        Args:
            log_id: The current log: the newest life of topic callbacks.
            partitions: How many partitions it has.
            positions: The snapshot's positions, those of earlier logs too; what has
                none is at 0.
        """
        self._log_id = log_id
        self._partitions = partitions
        self._held = {place: _Held(base) for place, base in positions.items()}
        self._known = {place.log_id for place in positions}

    def follow(self, log_id: str, partitions: int) -> None:
        """Note which log is the current one: as_of and readiness are its."""
        self._log_id, self._partitions = log_id, partitions

    def take_in(self, publication: Publication, written_ms: int) -> Changes:
        """Take a message, or a part of one, in.

        Args:
            publication: A message that :func:`publications.decode` let through.
            written_ms: Its record's timestamp, milliseconds since 1970.

        Returns:
            By how much the totals change; often by nothing.
        """
        place = Place(publication.log_id, publication.partition)
        held = self._held.get(place)
        if held is None:
            if not self._may_hold(place.log_id):
                return {}
            held = self._held[place] = _Held(0)
        return held.take_in(publication, written_ms)

    def _may_hold(self, log_id: str) -> bool:
        if log_id not in self._known and log_id != self._log_id:
            unknown = {place.log_id for place in self._held} - self._known
            return log_id in unknown or len(unknown) < _MOST_UNKNOWN_LOGS
        return True

    def wanted(self) -> dict[Place, int]:
        """Return the places whose messages are ahead of the table as it was read.

        Read the table again and :meth:`offer` what it gained; the position is the
        highest base seen.
        """
        ahead = {
            place: max(held.newer)[0]
            for place, held in self._held.items()
            if held.newer
        }
        return {
            place: base for place, base in ahead.items() if base > self._read_to(place)
        }

    def _read_to(self, place: Place) -> int:
        held = self._held[place]
        return held.base if held.offer is None else held.offer.position

    def offer(
        self, place: Place, position: int, gained: Mapping[Cell, Numbers]
    ) -> Changes:
        """Say what a newer snapshot of the table has for a place.

        Args:
            place: A partition of a log.
            position: The table's position in that snapshot. One below :meth:`base` is
                of another table: begin again with a new reader.
            gained: The sum of the table's rows of this place from :meth:`base` to
                ``position``.

        Returns:
            By how much the totals change now; the rest comes with later messages.
        """
        self._known.add(place.log_id)
        held = self._held.setdefault(place, _Held(0))
        if position <= held.base:
            return {}
        held.offer = _Offer(position, gained)
        return held.move()

    def base(self, place: Place) -> int:
        """Return the table's position whose sums are in the totals; 0 if unknown."""
        held = self._held.get(place)
        return 0 if held is None else held.base

    def standings(self) -> dict[Place, Standing]:
        """Return how far each place is, those of earlier logs too."""
        return {place: _standing(held) for place, held in self._held.items()}

    def gained(self) -> Iterator[tuple[Place, Cell, Numbers]]:
        """Yield what is in the totals and not in the table at the bases."""
        for place, held in self._held.items():
            for cell, (_, events, segments) in held.gathered.numbers.items():
                yield place, cell, (events, segments)

    def as_of(self) -> int | None:
        """Return the broker's time before which everything acknowledged is counted.

        The minimum over the current log's partitions, milliseconds since 1970; None
        when nobody has told of one of them.
        """
        told = [self._standing(number).as_of for number in range(self._partitions)]
        known = [time for time in told if time is not None]
        return min(known) if known and len(known) == len(told) else None

    def waits_for(self, now_ms: int) -> list[int]:
        """Return the partitions of the current log that are still waited for.

        Ask only after everything that the topic held at the start has been read, from
        ``SILENCE_MS`` back.

        Args:
            now_ms: The time now, milliseconds since 1970.

        Returns:
            Those without a complete message of the table's base whose newest message is
            younger than ten minutes; empty when the totals may be shown.
        """
        return [
            number
            for number in range(self._partitions)
            if _is_waited_for(self._standing(number), now_ms)
        ]

    def _standing(self, number: int) -> Standing:
        held = self._held.get(Place(self._log_id, number))
        return _standing(_Held(0) if held is None else held)


def _is_waited_for(standing: Standing, now_ms: int) -> bool:
    if standing.is_complete or standing.written_ms is None:
        return False
    return now_ms - standing.written_ms < SILENCE_MS


def _standing(held: _Held) -> Standing:
    gathered = held.gathered
    return Standing(
        base=held.base,
        position=max(held.base, gathered.position),
        as_of=gathered.as_of if gathered.is_complete else None,
        is_complete=gathered.is_complete,
        written_ms=held.written_ms,
    )
