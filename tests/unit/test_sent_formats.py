"""Logs of messages sent: CSV or JSON, taken apart without losing a line."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.intake.importing import sent_asked, sent_csv, sent_formats
from streams.intake.importing.sent_log import Record
from streams.intake.importing.sources import UnusableError
from streams.settings import ConfigurationError

HEADER = b"id,to,time\n"


def records(content: bytes, chosen: Mapping[str, str] | None = None) -> list[Record]:
    """Take a file apart that is read seven bytes at a time."""
    return list(sent_formats.content_of(_read(content), chosen or {}, _refuse).records)


def _read(content: bytes, size: int = 7) -> Callable[[], bytes]:
    parts = iter([content[n : n + size] for n in range(0, len(content), size)])
    return lambda: next(parts, b"")


def _refuse(line: int, size: int) -> None:
    raise AssertionError(f"line {line} of {size} bytes")


def ids(found: list[Record]) -> list[tuple[int, object]]:
    """Return the line of each record, and its id or what is wrong."""
    return [
        (
            record.line,
            record.problem if record.values is None else record.values["message_id"],
        )
        for record in found
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"id,to,time\nm1,1,t\nm2,2,t\n", id="commas"),
        pytest.param(b"id;to;time\r\nm1;1;t\r\nm2;2;t", id="semicolons, Windows"),
        pytest.param(b"id\tto\ttime\nm1\t1\tt\nm2\t2\tt\n", id="tabs"),
        pytest.param(b'\xef\xbb\xbf"id","to","time"\n"m1",1,t\nm2,2,t,\n', id="mark"),
        pytest.param(
            b'id,note;s,to,time\nm1,a;b,1,t\nm2,"c, d",2,t\n', id="most columns known"
        ),
    ],
)
def test_csv_is_read_in_each_form(content: bytes) -> None:
    """Whatever stands between the cells, and at the beginning and the ends."""
    assert ids(records(content)) == [(2, "m1"), (3, "m2")]


def test_a_cell_may_go_on_over_lines() -> None:
    """The record has the number of its first line, the next one its own."""
    content = b'id,text,to,time\nm1,"a\r\n\n""b""",1,t\n\nm2,,2,t\n'

    assert ids(records(content)) == [(2, "m1"), (6, "m2")]


def test_a_quote_that_is_not_closed_takes_one_line() -> None:
    """Everything behind it is read by itself, at the end of the file too."""
    content = HEADER + b'm1,1,t\n"m2,2,t\nm3,3,t\nm4,"4",t\nm5,"5,t\nm6,6,t\n'

    found = records(content)

    assert [(line, what) for line, what in ids(found) if "CSV" not in str(what)] == [
        *((2, "m1"), (4, "m3"), (5, "m4"), (7, "m6"))
    ]
    assert [(r.line, r.raw) for r in found if r.problem] == [
        *((3, b'"m2,2,t'), (6, b'm5,"5,t'))
    ]


def test_a_quote_cannot_take_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record ends after so many bytes, and only its first line is lost."""
    monkeypatch.setattr(sent_csv, "LONGEST_RECORD_BYTES", 100)
    lines = b"".join(b"m%d,1,t\n" % number for number in range(1_000))

    found = records(HEADER + b'"open,1,t\n' + lines)

    assert found[0].problem == "no CSV: a quote is not closed"
    assert ids(found[1:]) == [(3 + n, f"m{n}") for n in range(1_000)]


def test_more_cells_than_the_header_has_are_no_record() -> None:
    """A comma in a cell without quotes would move the others; fewer may be missing."""
    found = records(HEADER + b"m1,1,t,x\nm2,2\n")

    assert ids(found) == [(2, "4 cells, but the header has 3"), (3, "m2")]
    assert found[1].values == {"message_id": "m2", "destination": "2", "sent_at": None}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"id,from,time\n",
            "no column is known as destination; there are 'id', 'from'",
        ),
        (b"hello\n", "no column is known as message_id; there are 'hello'"),
        (b'"id\n', "begins neither with JSON nor with a header of CSV"),
        ("id,to\n".encode("utf-16"), "UTF-16"),
        (b"[1\n2", "no JSON"),
    ],
)
def test_what_is_no_log_is_refused(content: bytes, said: str) -> None:
    """It is named, and nothing of it is taken for messages."""
    with pytest.raises(UnusableError, match=said):
        records(content)


def test_columns_can_be_named() -> None:
    """Those of CSV, and keys of JSON, also within objects."""
    chosen = {"message_id": "uid", "destination": "message.number"}

    (csv,) = records(b"uid;message.number;time\nm1;1;t\n", chosen)
    (json_,) = records(b'{"uid":"m1","message":{"number":"1"},"time":"t"}', chosen)

    assert csv.values == json_.values
    with pytest.raises(UnusableError, match="there is no column 'uid' for message_id"):
        records(HEADER, chosen)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param(b'{"id":"m1"}\n\n{"id":"m2"}', [(1, "m1"), (3, "m2")], id="lines"),
        pytest.param(b'[{"id":"m1"},{"id":"m2"}]', [(1, "m1"), (1, "m2")], id="array"),
        pytest.param(
            b'{"messages":[{"id":"m1"}]}\n{"messages":[{"id":"m2"}]}\n',
            [(1, "m1"), (2, "m2")],
            id="pages of the provider's list",
        ),
        pytest.param(
            json.dumps([{"id": "m1"}, {"id": "m2"}], indent=1).encode(),
            [(1, "m1"), (1, "m2")],
            id="array over lines",
        ),
        pytest.param(b'{\n"id": "m1"}\n', [(1, "m1")], id="object over lines"),
        pytest.param(
            b'{"id":"m1"}\n{"id":\n7\n[["m2"]]\n{"id":"m3"}',
            [
                (1, "m1"),
                (2, "no JSON: Input data was truncated"),
                (3, "no JSON object"),
                (4, "[0]: no JSON object"),
                (5, "m3"),
            ],
            id="bad lines among good ones",
        ),
        pytest.param(b" \r\n\n", [], id="nothing"),
    ],
)
def test_json_is_read_in_each_form(
    content: bytes, found: list[tuple[int, object]]
) -> None:
    """Objects in lines, arrays of them, one array."""
    assert ids(records(content)) == found


@given(
    st.lists(
        st.sampled_from(
            [b"m,1,t", b'"m",1,t', b'"m,1,t', b'm,"1', b'",",",', b"", b"\x00"]
        )
        | st.binary(max_size=9).map(
            lambda b: b.replace(b"\n", b"").replace(b"\r", b"")
        ),
        max_size=30,
    )
)
def test_no_line_of_a_csv_is_lost(lines: list[bytes]) -> None:
    """Each one that is not empty is in exactly one record, whatever is in it."""
    content = HEADER + b"".join(line + b"\n" for line in lines)

    found = records(content)

    covered = [
        number
        for record in found
        for number in range(record.line, record.line + record.raw.count(b"\n") + 1)
    ]
    assert covered == sorted(set(covered))
    filled = {number for number, line in enumerate(lines, 2) if line}
    assert filled <= set(covered)


@pytest.mark.parametrize(
    ("columns", "zone", "said"),
    [
        (["message_id"], None, "--column message_id is not usable"),
        (["price=cost"], None, "--column price=cost is not usable"),
        ([], "Mars/Olympus", "--time-zone Mars/Olympus is no time zone"),
        ([], "/etc/passwd", "--time-zone /etc/passwd is no time zone"),
    ],
)
def test_what_is_asked_wrongly_is_named(
    columns: list[str], zone: str | None, said: str
) -> None:
    """In one sentence, with the option."""
    with pytest.raises(ConfigurationError, match=said):
        sent_asked.of([], columns, zone)


def test_fields_have_the_usual_names_too() -> None:
    """--column to=… is --column destination=…."""
    asked = sent_asked.of(["-"], ["to=number", "time=at"], "Europe/Berlin")

    assert asked.columns == {"destination": "number", "sent_at": "at"}
    assert str(asked.zone) == "Europe/Berlin"


@given(
    st.binary(max_size=60)
    | st.binary(max_size=40).map(HEADER.__add__)
    | st.text('[]{}",:1\n a', max_size=30).map(str.encode)
)
def test_any_bytes_are_taken_apart_or_refused(content: bytes) -> None:
    """Nothing else happens, and each record has values or a problem."""
    found: list[Record] = []
    with suppress(UnusableError):
        found = records(content)

    assert [r for r in found if (r.values is None) == (r.problem is None)] == []
