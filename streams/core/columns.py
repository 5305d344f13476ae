"""Decoded rows → the archive's columns."""

from typing import TYPE_CHECKING

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
    destinations = _destinations(callbacks)
    arrays = {
        "record": pa.array(rows.records, _INT32),
        "kafka_index": pa.array(rows.indexes, _INT32),
        "event_type": pa.array([c.type for c in callbacks], _TEXT),
        "error_code": pa.array([c.error_code for c in callbacks], _INT32),
        "description": pa.array([c.description for c in callbacks], _TEXT),
        "carrier_name": pa.array([c.carrier_name for c in callbacks], _TEXT),
        "destination": pa.array(destinations, _TEXT),
        "message_id": pa.array([m.id for m in messages], _TEXT),
        "direction": pa.array([m.direction for m in messages], _TEXT),
        "sender": pa.array([m.sender for m in messages], _TEXT),
        "owner": pa.array(
            [None if m.owner == m.sender else m.owner or "" for m in messages], _TEXT
        ),
        "recipients": pa.array(
            [
                None if r is not None and len(r) == 1 and r[0] == d else r or []
                for r, d in zip(recipients, destinations, strict=True)
            ],
            _TEXTS,
        ),
        "application_id": pa.array([m.application_id for m in messages], _TEXT),
        "tag": pa.array([m.tag for m in messages], _TEXT),
        "channel": pa.array([m.channel for m in messages], _TEXT),
        "priority": pa.array([m.priority for m in messages], _TEXT),
        "segment_count": pa.array([m.segment_count for m in messages], _INT32),
        "media": pa.array([m.media for m in messages], _TEXTS),
        "text": pa.array([m.text for m in messages], _TEXT)
        if keep_text
        else pa.nulls(len(messages), _TEXT),
    }
    arrays |= _time_columns(rows)
    arrays |= _sparse_columns(rows)
    return pa.RecordBatch.from_pydict(arrays)


def identity_columns(callbacks: "Sequence[Callback]") -> pa.RecordBatch:
    """Make the columns that an event's identity is computed from, and no others.

    Args:
        callbacks: N readable callbacks.

    Returns:
        N rows, the same values as :func:`columns` has.
    """
    messages = [c.message for c in callbacks]
    return pa.RecordBatch.from_pydict(
        {
            "message_id": pa.array([m.id for m in messages], _TEXT),
            "destination": pa.array(_destinations(callbacks), _TEXT),
            "event_type": pa.array([c.type for c in callbacks], _TEXT),
            "channel": pa.array([m.channel for m in messages], _TEXT),
            "error_code": pa.array([c.error_code for c in callbacks], _INT32),
        }
    )


def _destinations(callbacks: "Sequence[Callback]") -> list[str | None]:
    """Return each destination: ``to``, or the only recipient where it is missing."""
    recipients = [c.message.recipients for c in callbacks]
    return [
        c.destination if c.destination is not None or r is None or len(r) != 1 else r[0]
        for c, r in zip(callbacks, recipients, strict=True)
    ]


def _time_columns(rows: "Rows") -> dict[str, pa.Array]:
    """Read the three times; keep the text of what is not held exactly as an extra."""
    event_texts = [c.time for c in rows.callbacks]
    read_texts = [c.read_time for c in rows.callbacks]
    message_texts = [c.message.time for c in rows.callbacks]
    event_time, inexact = times.column(event_texts)
    for row in inexact:
        _extra(rows, row).callback["time"] = _raw(event_texts[row])
    read_time, inexact = times.column(read_texts)
    for row in inexact:
        _extra(rows, row).callback["eventTime"] = _raw(read_texts[row])
    message_time, inexact = times.column(message_texts)
    for row in inexact:
        _extra(rows, row).message["time"] = _raw(message_texts[row])
    return {
        "event_time": event_time,
        "read_time": read_time,
        "message_time": message_time,
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
        "extra": pa.array(extra, _TEXT),
        "problem": pa.array(problem, _TEXT),
        "raw": pa.array(raw, pa.binary()),
    }
