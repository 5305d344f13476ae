"""The way of many records at once against one record at a time, read carefully.

Together: the strict reader, columns, one pass over all partitions, the memory in
arrays. Alone: every value field by field, copies by a dict, counts row by row.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core import callbacks, identity, windows
from streams.core.columns import columns
from streams.core.countries import countries_of
from streams.core.decoded import Rows
from streams.core.identity import IDENTITY_COLUMNS
from streams.core.memory import GENERATION_US, IdentityMemory
from streams.core.positions import Span
from streams.worker.chunk import Chunk
from streams.worker.rows import Part, rows_of
from tests.hostile import CORPUS
from tests.strategies import SAMPLES, bodies, mutated_samples
from tests.worker.logs import BEGIN_MS, RULES, Record

Row = dict[str, Any]
Log = list[Record]
_GENERATION_MS = GENERATION_US // 1000
# An example takes a third of a second.
_profile = settings.default or settings()
at_most_300 = settings(_profile, max_examples=min(300, _profile.max_examples))


def log_of(values: Sequence[bytes | None], steps: Sequence[int] = ()) -> Log:
    """Return values as records, each some milliseconds after the one before."""
    log, now = [], BEGIN_MS
    for offset, value in enumerate(values):
        now += steps[offset % len(steps)] if steps else 1
        log.append(Record(offset, now, value))
    return log


# ----------------------------------------------------------------------- all together


def together(logs: Sequence[Log], keep_text: bool) -> tuple[list[Row], Counter[Any]]:  # noqa: FBT001 - drawn
    """Take all partitions in at once, as a fetch brings them."""
    parts = [
        Part(Chunk(number, Span(0, len(log)), log), "log-1", IdentityMemory())
        for number, log in enumerate(logs)
    ]
    rows, sizes = rows_of(parts, keep_text=keep_text)
    assert sum(sizes) == len(rows)
    return rows.to_pylist(), cells_of(rows)


def cells_of(rows: pa.Table) -> Counter[Any]:
    """Count rows; events and segments by cell."""
    counted = windows.count(rows, RULES.outcomes, RULES.sender_types)
    found: Counter[Any] = Counter()
    for cell in counted.to_pylist():
        events, segments = cell.pop("events"), cell.pop("segments")
        found[("events", *cell.values())] += events
        found[("segments", *cell.values())] += segments
    return +found


# ---------------------------------------------------------------------- one at a time


def alone(logs: Sequence[Log], keep_text: bool) -> tuple[list[Row], Counter[Any]]:  # noqa: FBT001 - drawn
    """Take the partitions in record by record, each read by the careful reader only."""
    found: list[Row] = []
    cells: Counter[Any] = Counter()
    for number, log in enumerate(logs):
        copies = Copies()
        for record in log:
            rows = read_carefully(record, number, keep_text=keep_text)
            for row in rows:
                row["is_copy"] = copies.is_copy(row, record.timestamp * 1_000)
            found += rows
        for begin in range(0, len(found), _COUNTED_AT_ONCE):
            few = found[begin : begin + _COUNTED_AT_ONCE]
            own = [row for row in few if row["kafka_partition"] == number]
            cells.update(cells_of(pa.Table.from_pylist(own, schema=_SCHEMA)))
    return found, cells


_SCHEMA = rows_of([], keep_text=False)[0].schema
_COUNTED_AT_ONCE = 100


def read_carefully(record: Record, partition: int, *, keep_text: bool) -> list[Row]:
    """Read a record without the strict reader, and say where each row came from."""
    rows = Rows()
    if record.value is None:
        rows.park(0, 0, "tombstone: the record has no value", None)
    else:
        callbacks.decode_carefully(rows, 0, record.value, keep_text=keep_text)
    table = pa.Table.from_batches([columns(rows, keep_text=keep_text)])
    received_at = datetime.fromtimestamp(record.timestamp // 1_000, UTC)
    received_at += timedelta(milliseconds=record.timestamp % 1_000)
    same = {
        "log_id": "log-1",
        "kafka_partition": partition,
        "kafka_offset": record.offset,
        "source": None,
        "origin": None,
        "received_at": received_at,
        "received_date": received_at.date(),
        "is_copy": False,
    }
    country = countries_of(table["destination"]).to_pylist()
    found = []
    for row, there in zip(table.to_pylist(), country, strict=True):
        is_readable = row["problem"] is None
        values = row | same | {"destination_country": there if is_readable else None}
        found.append({name: values[name] for name in _SCHEMA.names})
    return found


class Copies:
    """A partition's memory in the plainest way: a dict, and the log's time."""

    def __init__(self) -> None:
        """Remember nothing."""
        self._log_time_us = 0
        self._seen: dict[tuple[Any, ...], int] = {}

    def is_copy(self, row: Row, received_us: int) -> bool:
        """Tell whether an event was seen in this generation or the two before it."""
        self._log_time_us = max(self._log_time_us, received_us)
        generation = self._log_time_us // GENERATION_US
        if row["problem"] is not None:
            return False
        event = tuple(row[name] for name in IDENTITY_COLUMNS)
        if self._seen.get(event, -9) >= generation - 2:
            return True
        self._seen[event] = generation
        return False


# ------------------------------------------------------------------------------ agree


def assert_alike(logs: Sequence[Log], *, keep_text: bool = False) -> None:
    """Compare rows, problems, flags and counts of both ways."""
    rows, cells = together(logs, keep_text)
    expected, expected_cells = alone(logs, keep_text)
    assert rows == expected
    assert cells == expected_cells


@pytest.mark.parametrize("keep_text", [False, True])
def test_the_hostile_corpus_is_read_alike(*, keep_text: bool) -> None:
    """Every hostile body beside all others and the documented ones, and once again."""
    values = [value for body in CORPUS.values() for value in (body, SAMPLES[0])]
    first = log_of([*values, None, *SAMPLES, *CORPUS.values()])

    assert_alike([first, log_of(list(reversed(values)))], keep_text=keep_text)


@at_most_300
@given(
    logs=st.lists(st.lists(bodies | st.none(), max_size=8), min_size=1, max_size=3),
    steps=st.lists(
        st.sampled_from([1, 60_000, -3_600_000, _GENERATION_MS]), min_size=1, max_size=5
    ),
    keep_text=st.booleans(),
)
def test_whatever_is_sent_is_read_alike(
    logs: list[list[bytes | None]],
    steps: list[int],
    keep_text: bool,  # noqa: FBT001 - hypothesis names it
) -> None:
    """Bodies of any kind, some of them twice, while hours pass in the log."""
    assert_alike(
        [log_of([*values, *values], steps) for values in logs], keep_text=keep_text
    )


@at_most_300
@given(st.lists(mutated_samples(), min_size=1, max_size=6))
def test_documented_bodies_with_a_few_other_bytes_are_read_alike(
    values: list[bytes],
) -> None:
    """A byte in the wrong place changes no row but its own."""
    assert_alike([log_of([*values, *SAMPLES])])


def alike_but_for_one() -> list[bytes]:
    """Return callbacks of which any two differ in one or more of the five values."""
    return [
        json.dumps(
            {
                "type": event_type,
                "to": destination,
                "errorCode": code,
                "message": {"id": message_id, "channel": channel},
            }
        ).encode()
        for event_type, destination, code, message_id, channel in product(
            ("t", "t1"), ("+1", "", None), (1, 11, None), ("a", "a:"), ("SMS", "", None)
        )
    ]


@given(st.lists(bodies, max_size=8))
def test_identities_are_alike_where_the_five_values_are(values: list[bytes]) -> None:
    """Two rows have one hash exactly when all that makes an event is the same."""
    batches = list(callbacks.decode([*values, *alike_but_for_one()]))
    rows = pa.Table.from_batches(batches)

    hashes = identity.hashes(rows.combine_chunks()).tolist()
    events = list(zip(*(rows[n].to_pylist() for n in IDENTITY_COLUMNS), strict=True))

    assert len(set(zip(events, hashes, strict=True))) == len(set(events))
    assert len(set(hashes)) == len(set(events))
