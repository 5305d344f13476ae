"""Callbacks that were read, row by row, before they become columns."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from streams.core.careful import Extra
from streams.core.wire import Callback, Message

_PARKED = Callback(type=None, message=Message(id=None))  # type: ignore[arg-type]


@dataclass(slots=True)
class Rows:
    """Callbacks in the order they came, and how many each record has.

    Attributes:
        first: The place of the first record among those decoded.
        counts: For each record, how many rows it has; at least one.
        callbacks: For each row, the callback; of a parked row all fields are None.
        extras: Extra fields by row.
        parked: Problem and bytes by row.
    """

    first: int = 0
    counts: list[int] = field(default_factory=list)
    callbacks: list[Callback] = field(default_factory=list)
    extras: dict[int, Extra] = field(default_factory=dict)
    parked: dict[int, tuple[str, bytes | None]] = field(default_factory=dict)

    def park(self, record: int, index: int, problem: str, raw: bytes | None) -> None:
        """Add a row that keeps its bytes and says why they cannot be read."""
        self.parked[len(self.callbacks)] = (problem, raw)
        self._add(record, index, _PARKED)

    def add(self, record: int, index: int, callback: Callback, extra: Extra) -> None:
        """Add a row that was read carefully."""
        self.extras[len(self.callbacks)] = extra
        self._add(record, index, callback)

    def _add(self, record: int, index: int, callback: Callback) -> None:
        """Add the next row: of the last record, or the first one of the next record.

        Raises:
            ValueError: A row, or a record, is left out.
        """
        if index == 0:
            self.counts.append(0)
        place = (self.first + len(self.counts) - 1, self.counts[-1])
        if place != (record, index):
            raise ValueError(f"row {index} of record {record} is not next: {place}")
        self.counts[-1] += 1
        self.callbacks.append(callback)

    def records(self) -> npt.NDArray[np.int32]:
        """Return for each row the place of its record among those decoded."""
        places = np.arange(self.first, self.first + len(self.counts), dtype=np.int32)
        if len(self.callbacks) == len(self.counts):
            return places
        return np.repeat(places, self.counts)

    def indexes(self) -> npt.NDArray[np.int32]:
        """Return for each row its place in its record's array."""
        if len(self.callbacks) == len(self.counts):
            return np.zeros(len(self.counts), np.int32)
        counts = np.array(self.counts, np.int32)
        begins = np.cumsum(counts, dtype=np.int32) - counts
        rows = np.arange(len(self.callbacks), dtype=np.int32)
        return rows - np.repeat(begins, counts)
