"""Decoded rows → the archive's columns."""

from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from streams.core import times
from streams.core.careful import Extra

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.core.decoded import Rows
    from streams.core.wire import Callback

_TEXT, _TEXTS, _INT32 = pa.string(), pa.list_(pa.string()), pa.int32()


def columns(rows: "Rows", *, keep_text: bool) -> pa.RecordBatch:
    """Make one Arrow batch of decoded rows.

    Args:
        rows: N rows, readable or parked.
        keep_text: Fill column ``text``; else it is null.

    Returns:
        N rows. ``recipients`` is null where it is just the destination and ``[]``
        where the callback has none; ``owner`` is null where it is the sender and empty
        where there is none. A time that is not usable is null, its text in ``extra``.
    """
    callbacks = rows.callbacks
    messages = [c.message for c in callbacks]
    recipients = [m.recipients for m in messages]
    destinations = _destinations(callbacks, recipients)
    arrays = {
        "record": pa.array(rows.records()),
        "kafka_index": pa.array(rows.indexes()),
        "event_type": _texts([c.type for c in callbacks]),
        "error_code": pa.array([c.error_code for c in callbacks], _INT32),
        "description": _texts([c.description for c in callbacks]),
        "carrier_name": _texts([c.carrier_name for c in callbacks]),
        "destination": _texts(destinations),
        "message_id": _texts([m.id for m in messages]),
        "direction": _texts([m.direction for m in messages]),
        "sender": _texts(senders := [m.sender for m in messages]),
        "owner": _owners([m.owner for m in messages], senders),
        "recipients": _recipients(recipients, destinations),
        "application_id": _texts([m.application_id for m in messages]),
        "tag": _texts([m.tag for m in messages]),
        "channel": _texts([m.channel for m in messages]),
        "priority": _texts([m.priority for m in messages]),
        "segment_count": _filled([m.segment_count for m in messages], _INT32),
        "media": _filled([m.media for m in messages], _TEXTS),
        "text": _texts([m.text for m in messages])
        if keep_text
        else pa.nulls(len(messages), _TEXT),
    }
    arrays |= _time_columns(rows)
    arrays |= _sparse_columns(rows)
    return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))


def _filled(values: "list[Any]", kind: pa.DataType) -> pa.Array:
    """Make a column; quicker where all values are one, as those of rare fields are."""
    first = values[0]
    if values[-1] == first and values.count(first) == len(values):
        return pa.repeat(pa.scalar(first, kind), len(values))
    return pa.array(values, kind)


def _texts(values: "list[str | None]") -> pa.Array:
    return _filled(values, _TEXT)


def _owners(owners: "list[str | None]", senders: "list[str | None]") -> pa.Array:
    """Make the column: null where it is the sender, empty where there is none."""
    if owners == senders:
        return pa.nulls(len(owners), _TEXT)
    return _texts(
        [
            None if owner == sender else owner or ""
            for owner, sender in zip(owners, senders, strict=True)
        ]
    )


def _recipients(
    recipients: "list[list[str] | None]", destinations: "list[str | None]"
) -> pa.Array:
    """Make the column: null where it is just the destination, empty where none is."""
    # No list is empty: as many texts as rows means one in each.
    filled = [texts for texts in recipients if texts]
    if len(filled) == len(recipients) and [*chain(*filled)] == destinations:
        return pa.nulls(len(recipients), _TEXTS)
    return pa.array(
        [
            None if r is not None and len(r) == 1 and r[0] == d else r or []
            for r, d in zip(recipients, destinations, strict=True)
        ],
        _TEXTS,
    )


def identity_columns(callbacks: "Sequence[Callback]") -> pa.RecordBatch:
    """Make the columns that an event's identity is computed from, and no others.

    Args:
        callbacks: N readable callbacks.

    Returns:
        N rows, the same values as :func:`columns` has.
    """
    messages = [c.message for c in callbacks]
    destinations = _destinations(callbacks, [m.recipients for m in messages])
    return pa.RecordBatch.from_pydict(
        {
            "message_id": pa.array([m.id for m in messages], _TEXT),
            "destination": pa.array(destinations, _TEXT),
            "event_type": pa.array([c.type for c in callbacks], _TEXT),
            "channel": pa.array([m.channel for m in messages], _TEXT),
            "error_code": pa.array([c.error_code for c in callbacks], _INT32),
        }
    )


def _destinations(
    callbacks: "Sequence[Callback]", recipients: "list[list[str] | None]"
) -> "list[str | None]":
    """Return each destination: ``to``, or the only recipient where it is missing."""
    destinations = [c.destination for c in callbacks]
    if all(destinations):
        return destinations
    return [
        d if d is not None or r is None or len(r) != 1 else r[0]
        for d, r in zip(destinations, recipients, strict=True)
    ]


def _time_columns(rows: "Rows") -> dict[str, pa.Array]:
    """Read the three times; keep the text of what is not held exactly as an extra."""
    event_texts = [c.time for c in rows.callbacks]
    read_texts = [c.read_time for c in rows.callbacks]
    message_texts = [c.message.time for c in rows.callbacks]
    event, read, message = times.columns([event_texts, read_texts, message_texts])
    for row in event[1]:
        _extra(rows, row).callback["time"] = _raw(event_texts[row])
    for row in read[1]:
        _extra(rows, row).callback["eventTime"] = _raw(read_texts[row])
    for row in message[1]:
        _extra(rows, row).message["time"] = _raw(message_texts[row])
    return {
        "event_time": event[0],
        "read_time": read[0],
        "message_time": message[0],
    }


def _extra(rows: "Rows", row: int) -> Extra:
    return rows.extras.setdefault(row, Extra())


def _raw(text: str | None) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(text))


def _sparse_columns(rows: "Rows") -> dict[str, pa.Array]:
    """Fill the columns that few rows have."""
    count = len(rows.callbacks)
    extra: list[str | None] = [None] * count
    for row, fields in rows.extras.items():
        extra[row] = fields.encode()
    problem: list[str | None] = [None] * count
    raw: list[bytes | None] = [None] * count
    for row, (reason, content) in rows.parked.items():
        problem[row], raw[row] = reason, content
    return {
        "extra": _texts(extra),
        "problem": _texts(problem),
        "raw": _filled(raw, pa.binary()),
    }
