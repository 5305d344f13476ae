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
from streams.core.unreadable import problem_of_bytes
from streams.core.wire import Callback, Message

# 1,000 objects stay in the processor's cache: 1.8 µs a callback against 5 at 50,000.
BATCH_CALLBACKS = 1_000

_strict = msgspec.json.Decoder(list[Callback] | Callback)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_PARKED = Callback(type=None, message=Message(id=None))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a body.

    Attributes:
        content: Its bytes, unchanged.
        message_id: ``message.id`` where it is a non-empty string.
        problem: Why it is not a readable callback; None if it is one.
        is_json: It is one JSON value; False for a body that is parked whole.
    """

    content: bytes
    message_id: str | None
    problem: str | None
    is_json: bool


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

    def _add(self, record: int, index: int, callback: Callback) -> None:
        self.records.append(record)
        self.indexes.append(index)
        self.callbacks.append(callback)


def outline(body: bytes) -> list[Element]:
    """Take a body apart without reading more of it than is needed to route it.

    Args:
        body: A request's body, any bytes.

    Returns:
        One entry for each element of an array, or one for everything else. What is
        readable here is readable to :func:`decode`.
    """
    try:
        found = _strict.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _outline_carefully(body)
    if not isinstance(found, list):
        return [Element(body, found.message.id, None, is_json=True)]
    if not found:
        return _outline_carefully(body)
    contents = _elements.decode(body)
    return [
        Element(bytes(content), callback.message.id, None, is_json=True)
        for content, callback in zip(contents, found, strict=True)
    ]


def _outline_carefully(body: bytes) -> list[Element]:
    whole = _problem_of_whole(body)
    if whole is not None:
        return [Element(body, None, whole, is_json=False)]
    if not _is_array(body):
        return [_outline_element(body, "")]
    return [
        _outline_element(bytes(content), f"[{index}]")
        for index, content in enumerate(_elements.decode(body))
    ]


def _outline_element(content: bytes, path: str) -> Element:
    try:
        callback, _ = read(content, path, keep_text=False)
    except UnreadableError as error:
        return Element(content, _message_id(content), str(error), is_json=True)
    return Element(content, callback.message.id, None, is_json=True)


class _IdOnly(msgspec.Struct, gc=False):
    id: str


class _MessageOnly(msgspec.Struct, gc=False):
    message: _IdOnly


_id_only = msgspec.json.Decoder(_MessageOnly)


def _message_id(content: bytes) -> str | None:
    try:
        return _id_only.decode(content).message.id or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _is_array(body: bytes) -> bool:
    return body.lstrip()[:1] == b"["


def _problem_of_whole(body: bytes) -> str | None:
    """Return why a body is parked whole: no JSON, or nothing in it."""
    problem = problem_of_bytes(body)
    if problem is not None:
        return problem
    text = body.strip()
    if text == b"null":
        return "null: expected an array of callbacks or one callback"
    if text.startswith(b"[") and not text[1:-1].strip():
        return "empty array"
    return None


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
        _decode_record(rows, record, value, keep_text=keep_text)
        if len(rows.callbacks) >= BATCH_CALLBACKS:
            yield columns(rows, keep_text=keep_text)
            rows = Rows()
    if rows.callbacks:
        yield columns(rows, keep_text=keep_text)


def _decode_record(
    rows: Rows, record: int, value: bytes | None, *, keep_text: bool
) -> None:
    if value is None:
        rows.park(record, 0, "tombstone: the record has no value", None)
        return
    try:
        found = _strict.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decode_carefully(rows, record, value, keep_text=keep_text)
        return
    callbacks = found if isinstance(found, list) else [found]
    if not callbacks:
        decode_carefully(rows, record, value, keep_text=keep_text)
        return
    rows.records.extend([record] * len(callbacks))
    rows.indexes.extend(range(len(callbacks)))
    rows.callbacks.extend(callbacks)


def decode_carefully(rows: Rows, record: int, value: bytes, *, keep_text: bool) -> None:
    """Add a record's rows, element by element and field by field."""
    whole = _problem_of_whole(value)
    if whole is not None:
        rows.park(record, 0, whole, value)
    elif _is_array(value):
        for index, raw in enumerate(_elements.decode(value)):
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
