"""Bodies of many files, put together so many at a time as are read best at once."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from streams.intake.importing.formats import Lines

# As many as stay in the processor's cache while they are read.
_BODIES = 1_000
_BYTES = 512 << 10


@dataclass(slots=True)
class Batch:
    """Bodies in their order, and where each is from."""

    bodies: list[bytes] = field(default_factory=list)
    size: int = 0
    _starts: list[int] = field(default_factory=list)
    _sources: list[tuple[str, int]] = field(default_factory=list)

    def add(self, name: str, lines: Lines) -> None:
        """Add bodies of one file; ``name`` is how its lines are named."""
        self._starts.append(len(self.bodies))
        self._sources.append((name, lines.first))
        self.bodies.extend(lines.bodies)
        self.size += sum(map(len, lines.bodies))

    def is_full(self) -> bool:
        """Tell whether it is worth being read."""
        return len(self.bodies) >= _BODIES or self.size >= _BYTES

    def origin(self, place: int) -> str:
        """Return ``file:line`` of a body."""
        part = bisect_right(self._starts, place) - 1
        name, first = self._sources[part]
        return f"{name}:{first + place - self._starts[part]}"


def batches(lines: Iterator[tuple[str, Lines]]) -> Iterator[Batch]:
    """Put lines of files together.

    Args:
        lines: Name of the file, and some of its lines.
    """
    batch = Batch()
    for name, some in lines:
        batch.add(name, some)
        if batch.is_full():
            yield batch
            batch = Batch()
    if batch.bodies:
        yield batch
