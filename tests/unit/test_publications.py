"""Messages of window-counts: what is written is read, and nonsense is no message."""

import json
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core import publications, windows
from streams.core.publications import ENVELOPE_BYTES, Head, Publication
from tests import strategies

HEAD = Head("log-1", 3, 10, 25, complete=True, rules_version=2, as_of=1_700_000_000_123)
MINUTE_US = 60_000_000

texts = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
cells = st.lists(
    st.fixed_dictionaries(
        {
            "window_start": st.integers(0, 10**8).map(lambda n: n * MINUTE_US),
            "country": texts,
            "carrier": texts,
            "application_id": texts,
            "channel": texts,
            "sender_type": texts,
            "outcome": st.text(st.characters(codec="utf-8"), max_size=20),
            "error_code": st.none() | st.integers(-(2**31), 2**31 - 1),
            "events": st.integers(0, 2**40),
            "segments": st.integers(-(2**40), 2**40),
        }
    ),
    max_size=12,
).map(lambda rows: pa.Table.from_pylist(rows, schema=windows.CELLS))


def written(table: pa.Table, part_bytes: int = publications.PART_BYTES) -> list[bytes]:
    """Return a message's parts."""
    encoded = publications.encode_cells(table, part_bytes)
    return list(publications.encode(HEAD, encoded))


def read(value: bytes) -> Publication:
    """Read a message that is one."""
    found = publications.decode(value, HEAD.partition)
    assert found is not None
    return found


@given(cells, st.sampled_from([0, 100, 300, 10_000]))
def test_what_is_written_is_read(table: pa.Table, room: int) -> None:
    """Any text and number, in parts of any size; none larger than that size."""
    part_bytes = ENVELOPE_BYTES + room
    encoded = publications.encode_cells(table, part_bytes)
    values = list(publications.encode(HEAD, encoded))
    parts = [read(value) for value in values]

    rows = [row for part in parts for row in part.cells]
    expected = [
        (row["window_start"].timestamp(), *list(row.values())[1:])
        for row in table.to_pylist()
    ]
    fits = [row for row in expected if len(json_of(row)) <= room]
    assert rows == fits
    assert encoded.too_large == len(expected) - len(fits)
    assert all(len(value) <= part_bytes for value in values)
    assert [part.part for part in parts] == list(range(1, len(parts) + 1))
    assert {part.parts for part in parts} == {len(parts)}
    assert {(p.log_id, p.base, p.position, p.complete, p.as_of) for p in parts} == {
        (HEAD.log_id, HEAD.base, HEAD.position, HEAD.complete, HEAD.as_of)
    }


def json_of(row: tuple[object, ...]) -> bytes:
    """Write a cell by another library."""
    compact = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    # DEL is no control character to JSON, and to neither library.
    return compact.replace(f"[{row[0]}", f"[{int(str(row[0]).split('.')[0])}").encode()


@given(cells, st.randoms(use_true_random=False))
def test_parts_do_not_depend_on_the_order_in_which_cells_were_counted(
    table: pa.Table, draw: Random
) -> None:
    """Two writers cut a complete message alike: their parts fit together."""
    merged = windows.merge([table])
    order = list(range(len(merged)))
    draw.shuffle(order)
    other = publications.in_order(merged.take(pa.array(order, pa.int64())))

    assert written(other, 700) == written(publications.in_order(merged), 700)


def test_the_message_is_as_the_contract_has_it() -> None:
    """Names and types that other programs read."""
    row = {
        "window_start": 29_000_000 * MINUTE_US,
        "country": "MX",
        "carrier": 'a "b"',
        "application_id": None,
        "channel": None,
        "sender_type": "long_code",
        "outcome": "failed",
        "error_code": 4770,
        "events": 2,
        "segments": 3,
    }
    (value,) = written(pa.Table.from_pylist([row], schema=windows.CELLS))

    assert json.loads(value) == {
        "log_id": "log-1",
        "partition": 3,
        "base": 10,
        "position": 25,
        "complete": True,
        "rules_version": 2,
        "as_of": 1_700_000_000_123,
        "part": 1,
        "parts": 1,
        "cells": [
            [
                1_740_000_000,
                "MX",
                'a "b"',
                None,
                None,
                "long_code",
                "failed",
                4770,
                2,
                3,
            ]
        ],
    }


def test_many_cells_are_cut_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells that are written in several goes have the same parts."""
    rows = [
        dict.fromkeys(windows.CELLS.names, None)
        | {"window_start": n * MINUTE_US, "outcome": "failed", "events": 1}
        | {"segments": n}
        for n in range(500)
    ]
    table = pa.Table.from_pylist(rows, schema=windows.CELLS)
    whole = written(table, 2_000)

    monkeypatch.setattr(publications, "_CELLS_AT_ONCE", 7)

    assert len(whole) > 10
    assert written(table, 2_000) == whole


GOOD = json.loads(written(windows.CELLS.empty_table())[0])
ROW = [60, "US", None, None, None, None, "failed", None, 1, 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"partition": 4},
        {"partition": "3"},
        {"base": 26},
        {"base": -1},
        {"position": 2**63},
        {"position": 25.5},
        {"log_id": ""},
        {"log_id": "x" * 101},
        {"complete": 1},
        {"part": 2},
        {"part": 0},
        {"parts": 10**9},
        {"rules_version": -1},
        {"as_of": "now"},
        {"as_of": -5},
        {"cells": None},
        {"cells": [ROW[:-1]]},
        {"cells": [[*ROW, 1]]},
        {"cells": [[61, *ROW[1:]]]},
        {"cells": [[-60, *ROW[1:]]]},
        {"cells": [[10**15, *ROW[1:]]]},
        {"cells": [[60, 7, *ROW[2:]]]},
        {"cells": [[*ROW[:6], None, *ROW[7:]]]},
        {"cells": [[*ROW[:7], 2**31, 1, 1]]},
        {"cells": [[*ROW[:8], -1, 1]]},
        {"cells": [[*ROW[:8], 2**70, 1]]},
    ],
    ids=str,
)
def test_a_message_that_makes_no_sense_is_none(changes: dict[str, object]) -> None:
    """A reader goes on, whoever wrote it."""
    assert publications.decode(json.dumps(GOOD).encode(), 3) is not None
    assert publications.decode(json.dumps(GOOD | {"cells": [ROW]}).encode(), 3)
    assert publications.decode(json.dumps(GOOD | changes).encode(), 3) is None


@given(strategies.bodies | st.none())
def test_any_bytes_are_a_message_or_none(value: bytes | None) -> None:
    """Nothing on the topic ends a reader."""
    assert publications.decode(value, 0) is None


@pytest.mark.parametrize(
    "value",
    [b"[" * 100_000, b'{"x":' * 100_000, b"\xff\xfe", b'{"log_id":"\xff"}', b""],
    ids=["deep array", "deep object", "no UTF-8", "no UTF-8 inside", "empty"],
)
def test_bytes_that_are_no_json_are_no_message(value: bytes) -> None:
    """However deep or broken they are."""
    assert publications.decode(value, 0) is None


@given(cells)
def test_numbers_of_adds_cells_that_come_twice(table: pa.Table) -> None:
    """As the table's increments do."""
    once = publications.numbers_of(windows.merge([table]))

    assert publications.numbers_of(table) == once
    assert publications.numbers_of(pa.concat_tables([table, table])) == {
        cell: (2 * events, 2 * segments) for cell, (events, segments) in once.items()
    }
