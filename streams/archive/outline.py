"""Where in the log a partition's generations begin, from few columns of its rows."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streams.core.memory import GENERATION_US, GENERATIONS_HELD

OUTLINE_COLUMNS = ("log_id", "kafka_partition", "kafka_offset", "received_at")

Numbers = npt.NDArray[np.int64]


class Outline:
    """One partition: the log's time, and the generation that each offset lies in.

    Rows may be added in any order: an offset lies in the latest generation in which a
    row at or before it was received.
    """

    def __init__(self) -> None:
        """Begin without rows."""
        self.log_time_us = 0
        self._firsts: dict[int, int] = {}

    def begin_after(self, log_time_us: int) -> None:
        """Let the rows follow others, behind which this was the log's time."""
        if log_time_us:
            self.add(np.array([-1]), np.array([log_time_us]))

    def add(self, offsets: Numbers, received_us: Numbers) -> None:
        """Add N rows: their offsets, and when they were received, microseconds."""
        received_us = np.maximum(received_us, 0)
        self.log_time_us = max(self.log_time_us, int(received_us.max(initial=0)))
        of_row = received_us // GENERATION_US
        for generation in np.unique(of_row).tolist():
            first = int(offsets[of_row == generation].min())
            self._firsts[generation] = min(first, self._firsts.get(generation, first))

    def first_held(self) -> int | None:
        """Return the first offset of a generation that is still held, if there is one.

        Returns:
            -1 where the rows before them still count.
        """
        oldest = self.log_time_us // GENERATION_US - GENERATIONS_HELD + 1
        held = [first for number, first in self._firsts.items() if number >= oldest]
        return min(held, default=None)

    def generations(self, offsets: Numbers) -> Numbers:
        """Return the generation that each of N offsets lies in.

        Args:
            offsets: None of them before the first that is held.
        """
        by_offset = sorted((first, number) for number, first in self._firsts.items())
        firsts = np.array([first for first, _ in by_offset])
        latest = np.maximum.accumulate([number for _, number in by_offset])
        found: Numbers = latest[np.searchsorted(firsts, offsets, side="right") - 1]
        return found


def by_partition(rows: pa.Table | pa.RecordBatch) -> Iterator[tuple[int, pa.Array]]:
    """Yield each partition number, and which rows are its own."""
    for number in pc.unique(rows["kafka_partition"]).to_pylist():
        yield number, pc.equal(rows["kafka_partition"], number)


def numbers(column: pa.Array | pa.ChunkedArray) -> Numbers:
    """Return whole numbers, or times in microseconds, as an array."""
    found: Numbers = pc.cast(column, pa.int64()).to_numpy()
    return found
