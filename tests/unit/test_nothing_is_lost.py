"""Every byte accepted can be read back: raw where parked, field by field where not."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given

from streams.core.callbacks import decode
from streams.core.careful import PERSONAL
from streams.core.outline import outline
from tests.hostile import CORPUS
from tests.strategies import bodies

Row = dict[str, Any]
_CALLBACK_COLUMNS = {
    "type": "event_type",
    "time": "event_time",
    "eventTime": "read_time",
    "to": "destination",
    "description": "description",
    "errorCode": "error_code",
    "carrierName": "carrier_name",
}
_MESSAGE_COLUMNS = {
    "id": "message_id",
    "time": "message_time",
    "from": "sender",
    "applicationId": "application_id",
    "segmentCount": "segment_count",
    "direction": "direction",
    "tag": "tag",
    "media": "media",
    "priority": "priority",
    "channel": "channel",
}


def rows_of(body: bytes) -> list[Row]:
    """Decode one record."""
    return [row for batch in decode([body]) for row in batch.to_pylist()]


def sent_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing (null) and what is dropped (a person's text)."""
    return {
        name: value
        for name, value in fields.items()
        if name not in PERSONAL and value is not None
    }


def stored_fields(row: Row, columns: dict[str, str], extra: Row) -> dict[str, Any]:
    """Return the fields that a row says were sent; extra says it more exactly."""
    found = {
        name: row[column] for name, column in columns.items() if row[column] is not None
    }
    return found | extra


def is_same(sent: object, stored: object) -> bool:
    """Compare a value with what is stored: times by instant, codes by number."""
    if isinstance(stored, datetime):
        text = str(sent).replace("z", "Z")
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=time.tzinfo or stored.tzinfo) == stored
    if isinstance(stored, int) and isinstance(sent, str):
        return int(sent) == stored
    return repr(sent) == repr(stored)


def assert_recoverable(sent: dict[str, Any], row: Row) -> None:
    """Every field that was sent is in the row, with the value it had."""
    extra = json.loads(row["extra"] or "{}")
    extra_message = extra.pop("message", {})
    top = stored_fields(row, _CALLBACK_COLUMNS, extra)
    inner = stored_fields(row, _MESSAGE_COLUMNS, extra_message)
    inner.setdefault("to", row["recipients"] or [row["destination"]])
    inner.setdefault("owner", row["sender"] if row["owner"] is None else row["owner"])

    message = sent.pop("message")
    for name, value in sent_fields(sent).items():
        assert is_same(value, top[name]), name
    for name, value in sent_fields(message).items():
        assert is_same(value, inner[name]), f"message.{name}"


def assert_nothing_is_lost(body: bytes) -> None:
    """Check each row of a body against what was sent."""
    rows = rows_of(body)
    assert rows
    if len(rows) == 1 and rows[0]["problem"] and rows[0]["raw"] == body:
        return
    parsed = json.loads(body)
    elements = parsed if isinstance(parsed, list) else [parsed]
    assert len(elements) == len(rows)
    for element, row in zip(elements, rows, strict=True):
        if row["problem"] is None:
            assert row["raw"] is None
            assert_recoverable(element, row)
        else:
            assert row["raw"] in body
            assert repr(json.loads(row["raw"])) == repr(element)


@pytest.mark.parametrize("body", CORPUS.values(), ids=CORPUS.keys())
def test_a_hostile_body_becomes_rows_that_hold_it(body: bytes) -> None:
    """Each body of the corpus is parked whole or readable field by field."""
    assert_nothing_is_lost(body)
    assert [e.problem for e in outline(body)] == [r["problem"] for r in rows_of(body)]


@given(bodies)
def test_any_body_becomes_rows_that_hold_it(body: bytes) -> None:
    """So does whatever hypothesis or a mutation of the samples makes."""
    assert_nothing_is_lost(body)
