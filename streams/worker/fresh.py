"""Increments of counts that were not looked at yet: what is to be published."""

import pyarrow as pa

# Beyond this they are let go, and the next message is made of all there is.
MOST_CELLS = 10_000


class Fresh:
    """Increments since the last look; so many at most."""

    def __init__(self) -> None:
        """Begin with none."""
        self._increments: list[pa.Table] | None = []
        self._cells = 0

    def add(self, cells: pa.Table) -> None:
        """Keep an increment until the next look."""
        self._cells += len(cells)
        if self._increments is not None:
            self._increments.append(cells)
            if self._cells > MOST_CELLS:
                self._increments = None

    def take(self) -> list[pa.Table] | None:
        """Return the increments since the last call; None when they were too many."""
        taken = self._increments
        self._increments, self._cells = [], 0
        return taken
