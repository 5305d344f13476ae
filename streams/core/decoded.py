"""Callbacks that were read, row by row, before they become columns."""

from dataclasses import dataclass, field

from streams.core.careful import Extra
from streams.core.wire import Callback, Message

_PARKED = Callback(type=None, message=Message(id=None))  # type: ignore[arg-type]


@dataclass(slots=True)
class Rows:
    """Callbacks in the order they came, with where each one stood.

    Attributes:
        records: For each row, the place of its record among those decoded.
        indexes: For each row, its place in the record's array.
        callbacks: For each row, the callback; of a parked row all fields are None.
        extras: Extra fields by row.
        parked: Problem and bytes by row.
    """

    records: list[int] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
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

    def extend(self, record: int, callbacks: list[Callback]) -> None:
        """Add all callbacks of a record that is wholly as documented."""
        count = len(callbacks)
        if count == 1:
            self._add(record, 0, callbacks[0])
            return
        self.records += [record] * count
        self.indexes += range(count)
        self.callbacks += callbacks

    def _add(self, record: int, index: int, callback: Callback) -> None:
        self.records.append(record)
        self.indexes.append(index)
        self.callbacks.append(callback)
