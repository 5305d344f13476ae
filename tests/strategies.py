"""Hypothesis strategies for what a provider, or anybody, may send."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

texts = st.text(st.characters(codec="utf-8"), max_size=12)
numbers = st.one_of(
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=6,
)
times = st.sampled_from(
    [
        "2026-07-20T18:20:17Z",
        "2026-07-20T18:20:17.5Z",
        "2026-07-20T18:20:17.123456Z",
        "2026-07-20T18:20:17.123456789Z",
        "2026-07-20 18:20:17",
        "2026-07-20T18:20Z",
        "2026-07-20T18:20:17+05:30",
        "2026-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1969-12-31T23:59:59Z",
        "2026-07-20T24:00:00Z",
        "2026-07-20T23:59:60Z",
        "2026-07-20",
        "soon",
        "",
    ]
)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw mostly what is documented, sometimes anything."""
    return st.one_of(strategy, strategy, strategy, json_values)


_phone_numbers = st.sampled_from(["+12345678902", "15552223333", "12345", "Shop", ""])
_messages = st.fixed_dictionaries(
    {"id": _maybe(st.sampled_from(["m1", "m2", "", "14762070468292kw2fuqty55yp2b2"]))},
    optional={
        "time": _maybe(times),
        "to": _maybe(st.lists(_phone_numbers, max_size=2)),
        "from": _maybe(_phone_numbers),
        "owner": _maybe(_phone_numbers),
        "text": _maybe(texts),
        "applicationId": _maybe(texts),
        "segmentCount": _maybe(st.integers(0, 5)),
        "direction": _maybe(st.sampled_from(["in", "out"])),
        "tag": _maybe(texts),
        "media": _maybe(st.lists(texts, max_size=2)),
        "priority": _maybe(st.just("default")),
        "channel": _maybe(st.sampled_from(["SMS", "RBM"])),
        "content": json_values,
        "futureField": json_values,
    },
)
callbacks = st.fixed_dictionaries(
    {
        "type": _maybe(st.sampled_from(["message-failed", "message-delivered", "new"])),
        "message": st.one_of(_messages, _messages, _messages, json_values),
    },
    optional={
        "time": _maybe(times),
        "eventTime": _maybe(times),
        "to": _maybe(_phone_numbers),
        "description": _maybe(texts),
        "errorCode": _maybe(st.sampled_from([0, 902, 4770, 9902, "4432", "x", 2**31])),
        "carrierName": _maybe(st.sampled_from(["AT&T", "Verizon"])),
        "replyTo": json_values,
    },
)
SAMPLES = [
    path.read_bytes()
    for path in sorted((Path(__file__).parent / "samples").iterdir())
    if path.name != "README.md"
]
_spliced = st.one_of(
    st.binary(max_size=4),
    st.sampled_from(
        [b"null", b"[]", b"{}", b"1e999", b"\\ud800", b'"', b",", b"]}", b"\x00"]
    ),
)


@st.composite
def mutated_samples(draw: st.DrawFn) -> bytes:
    """Draw a documented body with some of its bytes replaced."""
    body = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(body)))
        end = min(len(body), begin + draw(st.integers(0, 6)))
        body = body[:begin] + draw(_spliced) + body[end:]
    return body


bodies = st.one_of(
    mutated_samples(),
    st.lists(callbacks, max_size=3).map(lambda body: json.dumps(body).encode()),
    callbacks.map(lambda body: json.dumps(body, ensure_ascii=False).encode()),
    json_values.map(lambda body: json.dumps(body).encode()),
    st.binary(max_size=60),
)
