"""What was read of one base: each cell's numbers with the highest position."""

from dataclasses import dataclass, field

from streams.core.publications import Cell, Numbers, Publication

Changes = dict[Cell, Numbers]
"""By how much totals change: events and segments by cell; nothing that stays."""

# Messages of which only some parts were read; more are of writers that died half-way.
_MOST_MESSAGES_IN_PARTS = 4


@dataclass(slots=True)
class Gathered:
    """Numbers of one partition, base and rules version.

    Attributes:
        numbers: Position, events and segments by cell.
        is_complete: All parts of a complete message were read: no cell is missing.
        position: The records below it are in the numbers; 0 while not complete.
        as_of: Everything acknowledged before is in the numbers, broker's milliseconds;
            None while nobody said so.
    """

    numbers: dict[Cell, tuple[int, int, int]] = field(default_factory=dict)
    is_complete: bool = False
    position: int = 0
    as_of: int | None = None
    _parts: dict[tuple[int, bool, int, int | None], set[int]] = field(
        default_factory=dict
    )

    def add(self, publication: Publication) -> Changes:
        """Take a message, or a part of one, in; return by how much numbers changed."""
        changes: Changes = {}
        position = publication.position
        for row in publication.cells:
            cell, events, segments = row[:8], row[8], row[9]
            known = self.numbers.get(cell, (-1, 0, 0))
            if position > known[0]:
                self.numbers[cell] = (position, events, segments)
                if (events, segments) != known[1:]:
                    changes[cell] = (events - known[1], segments - known[2])
        if self._has_all_parts(publication):
            self._believe(publication)
        return changes

    def _has_all_parts(self, publication: Publication) -> bool:
        if publication.parts == 1:
            return True
        # Of a complete message the parts are the same whoever wrote it and when.
        as_of = None if publication.complete else publication.as_of
        message = (
            publication.position,
            publication.complete,
            publication.parts,
            as_of,
        )
        read = self._parts.setdefault(message, set())
        read.add(publication.part)
        if len(read) < publication.parts:
            while len(self._parts) > _MOST_MESSAGES_IN_PARTS:
                del self._parts[next(iter(self._parts))]
            return False
        del self._parts[message]
        return True

    def _believe(self, publication: Publication) -> None:
        """Believe what a message says of itself, now that all of it was read.

        What was read last counts, also where it says less: a clock was set back, or
        the writer is one that was replaced; both are true.
        """
        if publication.complete and not self.is_complete:
            self.is_complete = True
            self.position, self.as_of = publication.position, publication.as_of
        elif self.is_complete and publication.position >= self.position:
            self.position = publication.position
            if publication.as_of is not None:
                self.as_of = publication.as_of
