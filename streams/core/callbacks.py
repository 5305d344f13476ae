"""Bytes → callbacks, or a problem that says what is wrong and where.

Two readers of one rule: the strict reader takes what is wholly as documented, the
careful one takes the rest field by field. What both can read they read alike.
"""

from collections.abc import Iterator, Sequence

import msgspec
import pyarrow as pa

from streams.core.careful import UnreadableError, read
from streams.core.columns import columns
from streams.core.decoded import Rows
from streams.core.unreadable import is_array, problem_of_whole
from streams.core.wire import Callback, elements, strict

# 1,000 objects stay in the processor's cache: 1.8 µs a callback against 5 at 50,000.
BATCH_CALLBACKS = 1_000


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
    found: list[Callback] | Callback | None
    for record, value in enumerate(values):
        try:
            found = strict.decode(value)  # type: ignore[arg-type]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError):
            found = None  # a tombstone is the one that has a wrong type
        if isinstance(found, list) and found:
            rows.callbacks += found
            rows.counts.append(len(found))
        elif isinstance(found, Callback):
            rows.callbacks.append(found)
            rows.counts.append(1)
        elif value is None:
            rows.park(record, 0, "tombstone: the record has no value", None)
        else:
            decode_carefully(rows, record, value, keep_text=keep_text)
        if len(rows.callbacks) >= BATCH_CALLBACKS:
            yield columns(rows, keep_text=keep_text)
            rows = Rows(record + 1)
    if rows.callbacks:
        yield columns(rows, keep_text=keep_text)


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
