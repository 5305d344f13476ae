"""Which window an event is in; counts per cell; merge.

A window is one minute of event time, half-open. A cell is a window and one value of
every dimension. Counts are increments: adding those of two batches gives those of both
together, in any order and however the rows are split.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.core.outcomes import Outcomes
from streams.core.senders import SenderTypes

WINDOW_US = 60_000_000
# An event later than this after its record's timestamp has a wrong clock.
FUTURE_TOLERANCE_US = 5 * 60_000_000

DIMENSIONS = (
    "window_start",
    "country",
    "carrier",
    "application_id",
    "channel",
    "sender_type",
    "outcome",
    "error_code",
)
CELLS = pa.schema(
    [
        pa.field("window_start", pa.timestamp("us", "UTC")),
        pa.field("country", pa.string()),
        pa.field("carrier", pa.string()),
        pa.field("application_id", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("sender_type", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("error_code", pa.int32()),
        pa.field("events", pa.int64()),
        pa.field("segments", pa.int64()),
    ]
)
_PART = "part"
# Adding up a thousand small tables takes 100 ms, whatever is in them.
MOST_INCREMENTS = 32
# What counting reads of table callbacks.
COUNTED_COLUMNS = (
    "received_at",
    "event_type",
    "event_time",
    "error_code",
    "carrier_name",
    "destination_country",
    "sender",
    "application_id",
    "channel",
    "segment_count",
    "is_copy",
    "problem",
)


def counted_at_us(event_time: pa.Array, received_at: pa.Array) -> pa.Array:
    """Return the time each event is counted at, microseconds since 1970.

    That is its event time, or its record's timestamp where the event time is missing or
    more than five minutes after the record's timestamp.
    """
    event_us = pc.cast(event_time, pa.int64())
    received_us = pc.cast(received_at, pa.int64())
    latest = pc.add(received_us, FUTURE_TOLERANCE_US)
    usable = pc.fill_null(pc.less_equal(event_us, latest), fill_value=False)
    return pc.if_else(usable, event_us, received_us)


def window_start_us(time_us: pa.Array) -> pa.Array:
    """Return the first instant of the window that holds each time; times from 1970."""
    return pc.multiply(pc.divide(time_us, WINDOW_US), WINDOW_US)


def count(rows: pa.Table, outcomes: Outcomes, sender_types: SenderTypes) -> pa.Table:
    """Count events per cell.

    Args:
        rows: Rows of table callbacks with ``COUNTED_COLUMNS``; copies and parked rows
            are left out.
        outcomes: Rule from type and code to outcome.
        sender_types: Rule from sender to sender type.

    Returns:
        Cells of schema ``CELLS``, one row a cell, no zero counts. ``segments`` is the
        sum of the segment counts as sent; a callback without one adds none.
    """
    return count_parts(rows, [len(rows)], outcomes, sender_types)[0]


def count_parts(
    rows: pa.Table,
    sizes: Sequence[int],
    outcomes: Outcomes,
    sender_types: SenderTypes,
) -> list[pa.Table]:
    """Count events per cell for each part of the rows, as :func:`count` does for one.

    Args:
        rows: Rows of all parts, one part after another.
        sizes: How many rows each part has.
        outcomes: Rule from type and code to outcome.
        sender_types: Rule from sender to sender type.

    Returns:
        The cells of each part.
    """
    part = pa.array(np.repeat(np.arange(len(sizes), dtype=np.int32), sizes))
    events = rows.select(COUNTED_COLUMNS).append_column(_PART, part)
    is_event = pc.and_(pc.invert(rows["is_copy"]), pc.is_null(rows["problem"]))
    if not pc.all(is_event).as_py():
        events = events.filter(is_event)
    start = window_start_us(counted_at_us(events["event_time"], events["received_at"]))
    ones = {
        "window_start": pc.cast(start, pa.timestamp("us", "UTC")),
        "country": events["destination_country"],
        "carrier": events["carrier_name"],
        "application_id": events["application_id"],
        "channel": events["channel"],
        "sender_type": sender_types.of(events["sender"]),
        "outcome": outcomes.of(events["event_type"], events["error_code"]),
        "error_code": events["error_code"],
        "events": pa.repeat(pa.scalar(1, pa.int64()), len(events)),
        "segments": pc.cast(pc.fill_null(events["segment_count"], 0), pa.int64()),
    }
    if len(sizes) == 1:
        return [merge([pa.table(ones, schema=CELLS)])]
    grouped = pa.table(ones | {_PART: events[_PART]}).group_by(
        [_PART, *DIMENSIONS], use_threads=False
    )
    cells = _summed(grouped)
    cells = cells.take(pc.sort_indices(cells[_PART]))
    bounds = np.searchsorted(cells[_PART].to_numpy(), np.arange(len(sizes) + 1))
    in_schema = cells.select(CELLS.names).cast(CELLS)
    return [in_schema.slice(begin, end - begin) for begin, end in pairwise(bounds)]


def merge(increments: Sequence[pa.Table]) -> pa.Table:
    """Add up increments of cells, cell by cell.

    Args:
        increments: Tables of schema ``CELLS``; may be empty.
    """
    if not increments:
        return CELLS.empty_table()
    grouped = pa.concat_tables(increments).group_by(list(DIMENSIONS), use_threads=False)
    return _summed(grouped).cast(CELLS)


def folded(increments: list[pa.Table]) -> list[pa.Table]:
    """Return the increments as they are, or added up where they are many.

    Args:
        increments: Tables of schema ``CELLS``; may be empty.

    Returns:
        At most ``MOST_INCREMENTS`` tables with the same sums.
    """
    return [merge(increments)] if len(increments) > MOST_INCREMENTS else increments


def _summed(grouped: pa.TableGroupBy) -> pa.Table:
    """Return one row a group: its keys, then ``events`` and ``segments`` added up."""
    summed = grouped.aggregate([("events", "sum"), ("segments", "sum")])
    names = [name.removesuffix("_sum") for name in summed.column_names]
    return summed.rename_columns(names)
