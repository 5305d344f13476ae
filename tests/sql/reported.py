"""What a report says of a small archive: rows as dicts, or some columns of them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa

from streams import reference
from streams.archive import schema
from streams.core import windows
from streams.core.outcomes import Outcomes
from streams.core.senders import SenderTypes
from streams.warehouse import choice, reports
from streams.warehouse.period import EVERYTHING, Period
from tests.sql.archive import Archive, Row, cell, utc, warehouse

Found = list[dict[str, Any]]


def report(
    archive: Archive,
    name: str,
    period: Period = EVERYTHING,
    **options: Any,  # noqa: ANN401 - by, against, or a list of values of a filter
) -> Found:
    """Run a report as the command does, with options."""
    by, against = options.pop("by", None), options.pop("against", None)
    chosen = choice.of(options, by, against)
    with warehouse(archive) as connection:
        found = reports.run(connection, reports.named(name, chosen), period, chosen)
        return [dict(zip(found.names, row, strict=True)) for row in utc(found.values)]


def only(rows: Found, *names: str) -> list[tuple[Any, ...]]:
    """Take some columns."""
    return [tuple(row[name] for name in names) for row in rows]


def add(archive: Archive, rows: Sequence[Row]) -> None:
    """Archive callbacks and count them by the worker's own rule."""
    archive.add_callbacks(rows)
    counted = windows.count(
        pa.Table.from_pylist(list(rows), schema=schema.CALLBACKS),
        Outcomes.from_rows(reference.table("outcomes")),
        SenderTypes.from_rows(reference.table("sender_types")),
    ).to_pylist()
    end = max(row["kafka_offset"] for row in rows) + 1
    if counted:
        archive.add_counts([cell(1, to_position=end) | dict(row) for row in counted])


def failed(code: int | None, **changed: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """Make the columns of a message-failed callback."""
    return {"event_type": "message-failed", "error_code": code, **changed}


def seconds(count: float) -> timedelta:
    """Make a duration."""
    return timedelta(seconds=count)
