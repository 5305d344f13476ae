"""Bytes → callbacks, or a problem that says what is wrong and where.

Two readers of one rule: the strict reader takes what is wholly as documented, the
careful one takes the rest field by field. What both can read they read alike.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import pyarrow as pa

from streams.core.careful import Extra, UnreadableError, read
from streams.core.columns import columns
from streams.core.unreadable import is_array, problem_of_whole
from streams.core.wire import Callback, Message, elements, strict

# 1,000 objects stay in the processor's cache: 1.8 µs a callback against 5 at 50,000.
BATCH_CALLBACKS = 1_000

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


def decode(
    values: Sequence[bytes | None], *, keep_text: bool = False
) -> Iterator[pa.RecordBatch]:
    """Decode records into rows of the archive's columns.

    Args:
        values: The records' values in their order; None is a tombstone.
        keep_text: Keep what a person wrote; else it is dropped.

    Yields:
        Batches of 1,000 rows or a little more, in order; every record gives at least
        one row. Columns: ``record`` (the place in ``values``), ``kafka_index``, and
        those of table callbacks that a value can fill.
    """
    rows = Rows()
    for record, value in enumerate(values):
        found = None if value is None else _decode_strictly(value)
        if found:
            rows.extend(record, found)
        elif value is None:
            rows.park(record, 0, "tombstone: the record has no value", None)
        else:
            decode_carefully(rows, record, value, keep_text=keep_text)
        if len(rows.callbacks) >= BATCH_CALLBACKS:
            yield columns(rows, keep_text=keep_text)
            rows = Rows()
    if rows.callbacks:
        yield columns(rows, keep_text=keep_text)


def _decode_strictly(value: bytes) -> list[Callback] | None:
    """Return a record's callbacks; None where the careful reader has to look."""
    try:
        found = strict.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, list) else [found]


def decode_carefully(rows: Rows, record: int, value: bytes, *, keep_text: bool) -> None:
    """Add a record's rows, element by element and field by field."""
    whole = problem_of_whole(value)
    if whole is not None:
        rows.park(record, 0, whole, value)
    elif is_array(value):
        for index, raw in enumerate(elements.decode(value)):
            _add_element(
                rows, record, (index, f"[{index}]"), bytes(raw), keep_text=keep_text
            )
    else:
        _add_element(rows, record, (0, ""), value, keep_text=keep_text)


def _add_element(
    rows: Rows, record: int, place: tuple[int, str], content: bytes, *, keep_text: bool
) -> None:
    index, path = place
    try:
        callback, extra = read(content, path, keep_text=keep_text)
    except UnreadableError as error:
        rows.park(record, index, str(error), content)
    else:
        rows.add(record, index, callback, extra)
