"""Windows: where an event falls, and what a count promises."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import reference
from streams.archive import schema
from streams.core import windows
from streams.core.outcomes import Outcomes
from streams.core.senders import SenderTypes

OUTCOMES = Outcomes.from_rows(reference.table("outcomes"))
SENDER_TYPES = SenderTypes.from_rows(reference.table("sender_types"))
RECEIVED = datetime(2026, 5, 4, 10, 3, tzinfo=UTC)


def at(text: str) -> datetime:
    """Read a time of 2026-05-04, UTC."""
    return datetime.fromisoformat(f"2026-05-04T{text}+00:00")


def row(**fields: object) -> dict[str, Any]:
    """Return a row of table callbacks."""
    return {
        "log_id": "log",
        "kafka_partition": 0,
        "kafka_offset": 0,
        "kafka_index": 0,
        "received_at": RECEIVED,
        "received_date": date(2026, 5, 4),
        "event_type": "message-delivered",
        "event_time": at("10:00:30"),
        "destination_country": "US",
        "is_copy": False,
    } | fields


def count(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Count rows, return the cells."""
    table = pa.Table.from_pylist(list(rows), schema=schema.CALLBACKS)
    cells: list[dict[str, Any]] = windows.count(
        table, OUTCOMES, SENDER_TYPES
    ).to_pylist()
    return cells


#        10:00:00            10:01:00            10:02:00
#   ...-----[---------------------[---------------------[-----...
@pytest.mark.parametrize(
    ("event_time", "start"),
    [
        pytest.param(at("10:00:00"), at("10:00:00"), id="first instant"),
        pytest.param(at("10:00:59.999999"), at("10:00:00"), id="last instant"),
        pytest.param(at("10:01:00"), at("10:01:00"), id="boundary opens the next"),
        pytest.param(at("10:08:00"), at("10:08:00"), id="five minutes ahead is usable"),
        pytest.param(at("10:08:00.000001"), at("10:03:00"), id="more is a wrong clock"),
        pytest.param(None, at("10:03:00"), id="no time"),
        pytest.param(
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(1970, 1, 1, tzinfo=UTC),
            id="1970",
        ),
    ],
)
def test_window_of_an_event(event_time: datetime | None, start: datetime) -> None:
    """Half-open minutes of event time; without a usable one, of the record's time."""
    (cell,) = count(row(event_time=event_time))

    assert cell["window_start"] == start


def test_cells_hold_each_dimension() -> None:
    """A worked example, small enough to check by eye."""
    cells = count(
        row(
            event_type="message-failed",
            error_code=4770,
            carrier_name="AT&T",
            application_id="app",
            channel="SMS",
            sender="+18005551234",
            segment_count=2,
        ),
        row(
            event_type="message-failed",
            error_code=4770,
            carrier_name="AT&T",
            application_id="app",
            channel="SMS",
            sender="+18335551234",
            segment_count=None,
        ),
    )

    assert cells == [
        {
            "window_start": at("10:00:00"),
            "country": "US",
            "carrier": "AT&T",
            "application_id": "app",
            "channel": "SMS",
            "sender_type": "toll_free",
            "outcome": "failed",
            "error_code": 4770,
            "events": 2,
            "segments": 2,
        }
    ]


def test_copies_and_parked_rows_are_not_counted() -> None:
    """A redelivery is no event, and what cannot be read has no outcome."""
    assert count(row(is_copy=True), row(problem="empty body", event_type=None)) == []


dimensions = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(["message-delivered", "message-failed", "new"]),
        "error_code": st.sampled_from([None, 4770, 9902]),
        "destination_country": st.sampled_from(["US", "ZZ"]),
        "carrier_name": st.sampled_from([None, "AT&T"]),
        "event_time": st.sampled_from([None, at("10:00:30"), at("10:01:00")]),
        "segment_count": st.sampled_from([None, 1, 3]),
        "is_copy": st.booleans(),
    }
)


@given(st.lists(dimensions, max_size=12), st.integers(0, 12))
def test_counting_apart_then_merging_equals_counting_together(
    fields: list[dict[str, Any]], cut: int
) -> None:
    """Counts merge: the promise that lets flushes be counted apart."""
    rows = [row(**f) for f in fields]
    tables = [
        windows.count(
            pa.Table.from_pylist(part, schema=schema.CALLBACKS), OUTCOMES, SENDER_TYPES
        )
        for part in (rows[:cut], rows[cut:])
    ]

    merged = windows.merge(tables).to_pylist()

    def by_cell(cells: list[dict[str, Any]]) -> list[str]:
        return sorted(map(str, cells))

    assert by_cell(merged) == by_cell(count(*rows))
    assert sum(cell["events"] for cell in merged) == sum(
        not f["is_copy"] for f in fields
    )
    assert all(cell["events"] > 0 for cell in merged)


@given(st.integers(0, 3 * windows.MOST_INCREMENTS))
def test_many_increments_are_held_as_few(count: int) -> None:
    """However many are added one by one: at most 32, and nothing of them is lost."""
    one = windows.count(
        pa.Table.from_pylist([row()], schema=schema.CALLBACKS), OUTCOMES, SENDER_TYPES
    )
    held: list[pa.Table] = []
    for _ in range(count):
        held = windows.folded([*held, one])
        assert len(held) <= windows.MOST_INCREMENTS

    assert sum(cell["events"] for cell in windows.merge(held).to_pylist()) == count


def test_merging_nothing_is_no_cell() -> None:
    """No increments, no rows, and the schema stays."""
    assert windows.merge([]).schema == windows.CELLS


def test_a_window_is_a_minute() -> None:
    """The contract of both tables."""
    assert timedelta(microseconds=windows.WINDOW_US) == timedelta(minutes=1)


@given(
    st.lists(
        st.lists(
            st.builds(
                row,
                event_time=st.sampled_from([at("10:00:30"), at("10:01:00"), None]),
                is_copy=st.booleans(),
                problem=st.sampled_from([None, None, "not JSON"]),
                segment_count=st.sampled_from([None, 1, 3]),
            ),
            max_size=4,
        ),
        max_size=4,
    )
)
def test_parts_counted_together_have_the_counts_of_each(
    parts: list[list[dict[str, Any]]],
) -> None:
    """No part counts an event of another; one may be empty, or all copies."""
    rows = [found for part in parts for found in part]
    counted = windows.count_parts(
        pa.Table.from_pylist(rows, schema=schema.CALLBACKS),
        [len(part) for part in parts],
        OUTCOMES,
        SENDER_TYPES,
    )

    assert [cells.schema for cells in counted] == [windows.CELLS] * len(parts)
    assert [in_order(cells.to_pylist()) for cells in counted] == [
        in_order(count(*part)) for part in parts
    ]


def in_order(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return cells in an order that is theirs alone."""
    return sorted(cells, key=str)
