"""Bodies that nobody should send, by name: each has to end as a row."""

import json
from typing import Any

_MESSAGE_FIELDS = (
    "id",
    "time",
    "to",
    "from",
    "owner",
    "text",
    "applicationId",
    "segmentCount",
    "direction",
    "tag",
    "media",
    "priority",
    "channel",
)
_FIELDS = (
    "type",
    "time",
    "eventTime",
    "to",
    "description",
    "errorCode",
    "carrierName",
    "message",
)
_WRONG: tuple[Any, ...] = (None, True, 7, -1.5, "", "x", [], [7], {}, {"a": [1]})


def _callback(**fields: object) -> dict[str, Any]:
    return {"type": "message-failed", "message": {"id": "m1"}} | fields


def _wrong_types() -> dict[str, bytes]:
    """Return each field once with each value of another type."""
    found = {}
    for value in _WRONG:
        for name in _FIELDS:
            body = _callback(**{name: value})
            found[f"{name} is {value!r}"] = json.dumps([body]).encode()
        for name in _MESSAGE_FIELDS:
            body = _callback(message={"id": "m1"} | {name: value})
            found[f"message.{name} is {value!r}"] = json.dumps([body]).encode()
    return found


def _with_time(time: str) -> bytes:
    return json.dumps([_callback(time=time, eventTime=time)]).encode()


_GOOD = json.dumps(_callback()).encode()

CORPUS: dict[str, bytes] = {
    "empty": b"",
    "blanks": b" \n\t ",
    "null": b"null",
    "true": b"true",
    "a number": b"7",
    "a text": b'"x"',
    "empty array": b"[]",
    "array of nothing": b"[[]]",
    "array of null": b"[null]",
    "empty object": b"{}",
    "1,000 levels": b"[" * 1_000 + b"]" * 1_000,
    "100,000 levels": b"[" * 100_000,
    "deep in a field": b'[{"type":"t","message":{"id":"m"},"x":'
    + b"[" * 3_000
    + b"]" * 3_000
    + b"}]",
    "invalid UTF-8": b'[{"type":"\xff","message":{"id":"m"}}]',
    "invalid UTF-8 in an unknown field": b'[{"type":"t","message":{"id":"m"},'
    b'"x":"\xc3"}]',
    "UTF-16": '[{"type":"t","message":{"id":"m"}}]'.encode("utf-16"),
    "a BOM": b"\xef\xbb\xbf[" + _GOOD + b"]",
    "NaN": b'[{"type":"t","message":{"id":"m"},"errorCode":NaN}]',
    "Infinity": b'[{"type":"t","message":{"id":"m"},"errorCode":-Infinity}]',
    "400 digits": b'[{"type":"t","message":{"id":"m"},"errorCode":'
    + b"9" * 400
    + b"}]",
    "1e999": b'[{"type":"t","message":{"id":"m"},"errorCode":1e999}]',
    "duplicate keys": b'[{"type":"a","type":"b","message":{"id":"1"},'
    b'"message":{"id":"2"}}]',
    "lone surrogate": b'[{"type":"t","message":{"id":"\\ud800"}}]',
    "lone surrogate in an unknown field": b'[{"type":"t","message":{"id":"m"},'
    b'"x":"\\udfff"}]',
    "NUL bytes": b'[{"type":"t\\u0000","message":{"id":"\\u0000"},"to":"\\u0000"}]',
    "raw NUL": b'[{"type":"t","message":{"id":"m\x00"}}]',
    "a smuggled row": b"[" + _GOOD + b']}{"r":[' + _GOOD + b"]",
    "two bodies": b"[" + _GOOD + b"][" + _GOOD + b"]",
    "NDJSON": _GOOD + b"\n" + _GOOD,
    "trailing comma": b"[" + _GOOD + b",]",
    "single quotes": b"[{'type':'t'}]",
    "a comment": b"[/* */" + _GOOD + b"]",
    "cut off": b"[" + _GOOD[:-4],
    "good and bad mixed": b"[" + _GOOD + b",null,{}," + _GOOD + b"]",
    "HTML": b"<html><script>alert(1)</script></html>",
    "form": b"type=message-failed&to=%2B1",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "year 0": _with_time("0000-01-01T00:00:00Z"),
    "year 9999": _with_time("9999-12-31T23:59:59Z"),
    "no zone": _with_time("2026-07-20T18:20:17"),
    "far future": _with_time("2199-01-01T00:00:00Z"),
    "terminal escapes": json.dumps(
        [_callback(description="\x1b[2J\x1b]0;x\x07", to="\x1b[31m+1")]
    ).encode(),
    "formula": json.dumps([_callback(description="=cmd|' /C calc'!A0")]).encode(),
    "SQL": json.dumps([_callback(to="'; drop table callbacks; --")]).encode(),
    "a long id": json.dumps([_callback(message={"id": "i" * 100_000})]).encode(),
    "2,000 elements": b"[" + b",".join([_GOOD] * 2_000) + b"]",
} | _wrong_types()
