"""Callbacks: what is readable, what each field becomes, what a problem says."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core import callbacks
from streams.core.callbacks import decode, decode_carefully
from streams.core.columns import columns
from streams.core.decoded import Rows
from streams.core.outline import outline
from tests.strategies import bodies

SAMPLES = Path(__file__).parents[1] / "samples"
Row = dict[str, Any]


def rows_of(*values: bytes | None, keep_text: bool = False) -> list[Row]:
    """Decode records and return all rows."""
    batches = decode(values, keep_text=keep_text)
    return [row for batch in batches for row in batch.to_pylist()]


def careful_rows_of(value: bytes) -> list[Row]:
    """Decode one record by the careful reader alone."""
    rows = Rows()
    decode_carefully(rows, 0, value, keep_text=False)
    found: list[Row] = columns(rows, keep_text=False).to_pylist()
    return found


def callback(**fields: object) -> dict[str, Any]:
    """Return a small readable callback; fields of ``message`` start with m_."""
    message = {"id": "m1"} | {
        name[2:]: value for name, value in fields.items() if name.startswith("m_")
    }
    top = {name: value for name, value in fields.items() if not name.startswith("m_")}
    return {"type": "message-delivered", "message": message} | top


def row_of(**fields: object) -> Row:
    """Decode one small callback."""
    (row,) = rows_of(json.dumps(callback(**fields)).encode())
    return row


# --------------------------------------------------------------------------- readable


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param(None, "tombstone: the record has no value", id="tombstone"),
        pytest.param(b"", "empty body", id="empty"),
        pytest.param(b" \n", "empty body", id="blank"),
        pytest.param(
            b"null", "null: expected an array of callbacks or one callback", id="null"
        ),
        pytest.param(b"[]", "empty array", id="empty array"),
        pytest.param(b"[ ]", "empty array", id="empty array with a blank"),
        pytest.param(b"{}", "type: missing", id="empty object"),
        pytest.param(b"[[]]", "[0]: expected object, got array", id="nested array"),
        pytest.param(b'"x"', "callback: expected object, got str", id="a text"),
        pytest.param(b'[{"type":"x"}]', "[0].message: missing", id="no message"),
        pytest.param(
            b'[{"type":"x","message":{}}]', "[0].message.id: missing", id="no id"
        ),
        pytest.param(
            b'[{"type":"x","message":{"id":""}}]',
            "[0].message.id: empty",
            id="empty id",
        ),
        pytest.param(
            b'[{"type":"x","message":{"id":7}}]',
            "[0].message.id: expected string, got int",
            id="number as id",
        ),
        pytest.param(
            b'[{"type":null,"message":{"id":"m"}}]',
            "[0].type: expected string, got null",
            id="null as type",
        ),
        pytest.param(
            b'[{"type":"x","message":[]}]',
            "[0].message: expected object, got array",
            id="array as message",
        ),
        pytest.param(
            b'[{"a":"\xff"}]',
            "[0].a: not JSON, not UTF-8 (line 1, column 8)",
            id="utf-8",
        ),
        pytest.param(
            b"\xef\xbb\xbf[]",
            "not JSON, invalid character (line 1, column 1)",
            id="bom",
        ),
        pytest.param(
            b"[NaN]", "[0]: not JSON, invalid character (line 1, column 2)", id="NaN"
        ),
        pytest.param(b"[" * 5_000, "nested too deeply", id="deep"),
        pytest.param(
            b'[{"type":"x","message":{"id":"\\ud800"}}]',
            "[0].message.id: not JSON, half of a surrogate pair (line 1, column 31)",
            id="lone surrogate",
        ),
        pytest.param(
            b'[{"type":"x","message":{"id":"i"}}]}{"r":[]',
            "not JSON, trailing characters (line 1, column 37)",
            id="smuggled row",
        ),
        pytest.param(
            b'[{"type":"x","mess',
            "[0].mess: not JSON, the text ends too early (line 1, column 19)",
            id="cut off",
        ),
    ],
)
def test_what_cannot_be_read_is_one_row_that_says_why(
    value: bytes | None, problem: str
) -> None:
    """The problem names the place, and the bytes are kept as they came."""
    (row,) = rows_of(value)

    assert row["problem"] == problem
    if value is None or not value.startswith(b"[{") or "not JSON" in problem:
        assert row["raw"] == (b"[]" if value == b"[[]]" else value)
    assert row["event_type"] is None
    assert row["message_id"] is None


def test_unreadable_elements_are_parked_one_by_one() -> None:
    """An array's readable elements are rows like any other."""
    good = json.dumps(callback()).encode()

    rows = rows_of(b'[{"type":1}, ' + good + b" ,5]")

    assert [(r["kafka_index"], r["problem"], r["raw"]) for r in rows] == [
        (0, "[0].type: expected string, got int", b'{"type":1}'),
        (1, None, None),
        (2, "[2]: expected object, got int", b"5"),
    ]


def test_each_invalid_sample_is_parked_with_its_place() -> None:
    """The provider's own example with a trailing comma says where the comma is."""
    (row,) = rows_of(
        (SAMPLES / "docs2020_message-failed_9902.INVALID.txt").read_bytes()
    )

    assert row["problem"] == (
        "[0].message.to[1]: not JSON, trailing comma in array (line 13, column 9)"
    )


@pytest.mark.parametrize(
    "sample", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem
)
def test_each_documented_sample_is_read_whole(sample: Path) -> None:
    """Every field of a sample is in its column, or in extra when it has none."""
    content = json.loads(sample.read_bytes())
    (sent,) = content if isinstance(content, list) else [content]

    (row,) = rows_of(sample.read_bytes())

    message = sent["message"]
    assert row["problem"] is None
    assert row["event_type"] == sent["type"]
    assert row["event_time"] == datetime.fromisoformat(sent["time"])
    assert row["message_time"] == datetime.fromisoformat(message["time"])
    assert row["destination"] == sent["to"]
    assert row["description"] == sent["description"]
    assert row["error_code"] == sent.get("errorCode")
    assert row["carrier_name"] == sent.get("carrierName")
    assert row["message_id"] == message["id"]
    assert (row["recipients"] or [sent["to"]]) == message["to"]
    assert (row["owner"] or message["from"]) == message["owner"]
    assert row["sender"] == message["from"]
    assert row["segment_count"] == message.get("segmentCount")
    assert row["media"] == message.get("media")
    assert row["tag"] == message.get("tag")
    assert row["channel"] == message.get("channel")
    assert row["text"] is None
    assert row["extra"] is None


# ----------------------------------------------------------------------------- fields


@pytest.mark.parametrize(
    ("sent", "stored", "extra"),
    [
        pytest.param(4770, 4770, None, id="integer"),
        pytest.param(0, 0, None, id="zero"),
        pytest.param(902, 902, None, id="three digits"),
        pytest.param("4432", 4432, None, id="numeric string"),
        pytest.param(None, None, None, id="null"),
        pytest.param("x", None, {"errorCode": "x"}, id="text"),
        pytest.param(4770.0, None, {"errorCode": 4770.0}, id="float"),
        pytest.param(True, None, {"errorCode": True}, id="bool"),
        pytest.param(2**31, None, {"errorCode": 2**31}, id="too large"),
        pytest.param("9" * 10, None, {"errorCode": "9" * 10}, id="too large a string"),
        pytest.param([4770], None, {"errorCode": [4770]}, id="array"),
    ],
)
def test_error_code(sent: object, stored: int | None, extra: object) -> None:
    """A number or a numeric string is the code; anything else is kept in extra."""
    row = row_of(errorCode=sent)

    assert row["error_code"] == stored
    assert (row["extra"] and json.loads(row["extra"])) == extra


def test_absent_error_code_is_null() -> None:
    """A callback without a code has none."""
    assert row_of()["error_code"] is None


def test_number_of_400_digits_is_kept_digit_by_digit() -> None:
    """Extra holds the bytes as sent, no float in between."""
    digits = "7" * 400
    (row,) = rows_of(
        b'{"type":"t","message":{"id":"m"},"errorCode":' + digits.encode() + b"}"
    )

    assert row["extra"] == f'{{"errorCode":{digits}}}'


@pytest.mark.parametrize(
    ("fields", "destination"),
    [
        pytest.param({"to": "+1"}, "+1", id="at the top"),
        pytest.param({"m_to": ["+2"]}, "+2", id="single in message.to"),
        pytest.param({"to": None, "m_to": ["+2"]}, "+2", id="null at the top"),
        pytest.param({"m_to": ["+2", "+3"]}, None, id="two in message.to"),
        pytest.param({"to": ["+4"], "m_to": ["+2"]}, "+2", id="array at the top"),
        pytest.param({}, None, id="nowhere"),
    ],
)
def test_destination(fields: dict[str, object], destination: str | None) -> None:
    """The destination is ``to``, or the only one of ``message.to``."""
    assert row_of(**fields)["destination"] == destination


@pytest.mark.parametrize(
    ("fields", "recipients", "extra"),
    [
        pytest.param({"to": "+1", "m_to": ["+1"]}, None, None, id="the destination"),
        pytest.param({"to": "+1", "m_to": ["+1", "+2"]}, ["+1", "+2"], None, id="two"),
        pytest.param({"to": "+1"}, [], None, id="absent"),
        pytest.param(
            {"to": "+1", "m_to": []}, [], {"message": {"to": []}}, id="empty list"
        ),
        pytest.param(
            {"to": "+1", "m_to": "+1"}, [], {"message": {"to": "+1"}}, id="a text"
        ),
        pytest.param(
            {"to": "+1", "m_to": [None]}, [], {"message": {"to": [None]}}, id="a null"
        ),
    ],
)
def test_recipients(
    fields: dict[str, object], recipients: list[str] | None, extra: object
) -> None:
    """Null stands for just the destination, [] for none; the rest is kept in extra."""
    row = row_of(**fields)

    assert row["recipients"] == recipients
    assert (row["extra"] and json.loads(row["extra"])) == extra


@pytest.mark.parametrize(
    ("fields", "owner", "extra"),
    [
        pytest.param({"m_from": "+1", "m_owner": "+1"}, None, None, id="the sender"),
        pytest.param({"m_from": "+1", "m_owner": "+2"}, "+2", None, id="another"),
        pytest.param({"m_from": "+1"}, "", None, id="absent"),
        pytest.param(
            {"m_from": "+1", "m_owner": ""}, "", {"message": {"owner": ""}}, id="empty"
        ),
    ],
)
def test_owner(fields: dict[str, object], owner: str | None, extra: object) -> None:
    """Null stands for the sender, an empty text for none."""
    row = row_of(**fields)

    assert row["owner"] == owner
    assert (row["extra"] and json.loads(row["extra"])) == extra


def test_unknown_types_and_fields_are_kept() -> None:
    """What a provider adds is not lost, at the top and inside message."""
    row = row_of(type="message-teleported", replyTo="x", m_campaign={"id": 1})

    assert row["event_type"] == "message-teleported"
    assert json.loads(row["extra"]) == {
        "replyTo": "x",
        "message": {"campaign": {"id": 1}},
    }


def test_what_a_person_wrote_is_dropped_unless_keeping_is_on() -> None:
    """Texts are dropped whole by default; kept, the text has its column."""
    body = json.dumps(
        callback(m_text="hi", m_content={"text": "hi"}, m_locationResponse={"x": "1"})
    ).encode()

    (dropped,) = rows_of(body)
    (kept,) = rows_of(body, keep_text=True)

    assert (dropped["text"], dropped["extra"]) == (None, None)
    assert kept["text"] == "hi"
    assert json.loads(kept["extra"]) == {
        "message": {"content": {"text": "hi"}, "locationResponse": {"x": "1"}}
    }


def test_unusable_time_is_null_and_kept() -> None:
    """A time that does not exist stays readable in extra."""
    row = row_of(time="2026-02-30T00:00:00Z", m_time="soon", eventTime=5)

    assert (row["event_time"], row["message_time"], row["read_time"]) == (None,) * 3
    assert json.loads(row["extra"]) == {
        "time": "2026-02-30T00:00:00Z",
        "eventTime": 5,
        "message": {"time": "soon"},
    }


def test_last_of_duplicate_keys_wins() -> None:
    """As the strict reader has it, so has the careful one."""
    body = b'{"type":"a","type":"b","message":{"id":"m"},"to":"1","to":"2"}'

    assert [(r["event_type"], r["destination"]) for r in rows_of(body)] == [("b", "2")]
    assert careful_rows_of(body) == rows_of(body)


def test_nul_bytes_are_text_like_any_other() -> None:
    """A NUL escape is a character of the text."""
    assert row_of(to="a\0b")["destination"] == "a\0b"


# -------------------------------------------------------------------- both readers


@given(bodies)
def test_strict_and_careful_reader_agree(body: bytes) -> None:
    """Whatever the strict reader takes, the careful one reads alike."""
    assert rows_of(body) == careful_rows_of(body)


@given(st.lists(bodies, max_size=4))
def test_every_record_gives_rows_and_its_neighbours_do_not_matter(
    values: list[bytes],
) -> None:
    """Decoding together is decoding one by one."""
    together = rows_of(*values)

    apart = [
        row | {"record": record}
        for record, value in enumerate(values)
        for row in rows_of(value)
    ]
    assert together == apart
    assert {row["record"] for row in together} == set(range(len(values)))


@given(bodies)
def test_outline_agrees_with_decode(body: bytes) -> None:
    """What the receiver calls readable the worker reads, element by element."""
    elements = outline(body)

    rows = rows_of(body)
    assert [e.problem for e in elements] == [row["problem"] for row in rows]
    for element, row in zip(elements, rows, strict=True):
        if element.problem is None:
            assert element.message_id == row["message_id"]
            (alone,) = rows_of(element.content)
            assert alone == row | {"kafka_index": 0}
        else:
            assert element.content == row["raw"]


def test_batches_are_cut_after_a_thousand() -> None:
    """A batch fits the processor's cache; no row is lost at the cut."""
    value = json.dumps([callback()] * 300).encode()

    sizes = [batch.num_rows for batch in decode([value] * 10)]

    assert sizes == [1_200, 1_200, 600]
    assert callbacks.BATCH_CALLBACKS == 1_000
