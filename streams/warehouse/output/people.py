"""Cells of reports as people read them: by what a column is called.

Rates, their interval and "too few to tell" are in ``rates``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.core.rates import is_enough
from streams.warehouse.output import rates
from streams.warehouse.output.values import printable
from streams.warehouse.rows import Rows

__all__ = ["for_people", "printable"]

NOT_SENT, NOT_KNOWN = "not sent", "not known"
_FIRST = 5
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_DIMENSIONS = ("carrier", "application_id", "channel", "sender_type", "sender", "tag")
_SHARES = ("share", "answered_share", "usual_share")
_POINTS = ("rate_change", "mix_change", "part")
_SECONDS = ("p50", "p90", "p99", "longest", "age_seconds")
_MISSING = {
    **dict.fromkeys(("pending", "answered_share", "usual_share"), NOT_KNOWN),
    "only_from": "any sender",
}
_BEFORE, _AFTER = ("failed_before", "finished_before"), ("failed", "finished")
_TAIL = ("p90", "p99")
# In other cells or above the table, or less use than the room they take.
_NOT_SHOWN = (
    *("country_name", "enough", "overall_before", "overall", "is_running"),
    *("fault", "known_by", "application_id", "place"),
)
_NOT_SHOWN_OF_MESSAGES = ("what_to_do", "description", "segment_count", "received_at")
_TITLES = {"name": "fault", "age_seconds": "age"}
_TIME = "TIMESTAMP WITH TIME ZONE"
_HOUR_COLUMN = "_hour"
_Words = Callable[[Any], str]
_Row = Mapping[str, Any]
_Cell = Callable[[_Row], Any]


def for_people(rows: Rows, *, with_year: bool = True) -> Rows:
    """Return a report's rows with words in place of numbers that need a unit.

    Shares are percentages, seconds have their unit, changes are percentage points,
    times are to the second, and what is null says why.

    Args:
        rows: Of a report.
        with_year: Write the year of times.
    """
    types = dict(zip(rows.names, rows.types, strict=True))
    written = instant if with_year else instant_without_year
    cells = [_cell(name, types, written) for name in rows.names]

    def present(row: Sequence[Any]) -> tuple[Any, ...]:
        named = dict(zip(rows.names, row, strict=True))
        return tuple(cell(named) for cell in cells)

    worded = _gathered(Rows(rows.names, rows.types, map(present, rows.values)))
    if rates.has_rates(rows):
        return rates.presentable(worded)
    shown = worded.without(*_hidden(rows.names))
    names = tuple(_TITLES.get(name, name).replace("_", " ") for name in shown.names)
    return Rows(names, shown.types, shown.values)


def _hidden(names: Sequence[str]) -> Iterator[str]:
    """Yield the columns of no rates that people do without."""
    is_list_of_messages = "message_id" in names
    yield from (name for name in _NOT_SHOWN if name in names[1:])
    if is_list_of_messages:
        yield from _NOT_SHOWN_OF_MESSAGES
    elif names[0] == "fault":
        yield "fault"


def _gathered(rows: Rows) -> Rows:
    """Put a count and what it is of into one cell, where a report compares two."""
    if _BEFORE[0] not in rows.names:
        return rows
    places = [rows.names.index(name) for name in (*_BEFORE, *_AFTER)]

    def gathered(row: Sequence[Any]) -> tuple[Any, ...]:
        cells = list(row)
        for part, whole in (places[:2], places[2:]):
            cells[part] = f"{row[part]:,} of {row[whole]:,}"
        return tuple(cells)

    names = list(rows.names)
    names[places[0]], names[places[2]] = "before", "now"
    return Rows(tuple(names), rows.types, map(gathered, rows.values)).without(
        _BEFORE[1], _AFTER[1]
    )


def _cell(name: str, types: Mapping[str, str], written: _Words) -> _Cell:
    if name == "country" and "country_name" in types and rates.INTERVAL[0] not in types:
        return rates.country
    if name == "enough":
        return lambda row: row[name]
    if name in _DIMENSIONS:
        return lambda row: NOT_SENT if row[name] in (None, "") else row[name]
    if name.endswith(_HOUR_COLUMN) and types[name] == _TIME:
        return lambda row: written(row[name])[: -len(":00")]
    words = written if types[name] == _TIME else _words(name, types[name])
    missing = _MISSING.get(name)

    def cell(row: _Row) -> Any:  # noqa: ANN401 - any value that DuckDB gives
        if row[name] is None:
            return missing
        if not _is_enough(name, row):
            return rates.TOO_FEW
        return words(row[name])

    return cell


def _is_enough(name: str, row: _Row) -> bool:
    """Tell whether what a cell is a share of is large enough to say anything."""
    if name in _TAIL:
        return bool(row["enough"])
    return name != "answered_share" or is_enough(row["tracked"])


def _words(name: str, kind: str) -> Callable[[Any], Any]:
    for names, words in (
        (_SHARES, percent),
        (_POINTS, points),
        (_SECONDS, duration),
    ):
        if name in names:
            return words
    if kind == "BOOLEAN":
        return yes_or_no
    return listed if kind.endswith("[]") else _as_it_is


def _as_it_is(value: Any) -> Any:  # noqa: ANN401 - any value that DuckDB gives
    return value


def yes_or_no(value: object) -> str:
    """Write a truth value."""
    return "yes" if value else "no"


def percent(share: float) -> str:
    """Write a share of 0 to 1 as a percentage."""
    return f"{100 * share:.1f} %"


def points(change: float) -> str:
    """Write a change of a share as percentage points."""
    return f"{100 * change:+.2f}"


def duration(seconds: float) -> str:
    """Write a duration in the unit that makes it short."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.1f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.1f} h"
    return f"{seconds / _DAY:.1f} d"


def length(time: timedelta) -> str:
    """Write the length of a window, such as ``2 h``."""
    return duration(time.total_seconds()).replace(".0 ", " ")


def instant(time: datetime) -> str:
    """Write a time in UTC to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def instant_without_year(time: datetime) -> str:
    """Write a time in UTC to the second, its year being known."""
    return f"{time.astimezone(UTC):%m-%d %H:%M:%S}"


def listed(values: Sequence[Any]) -> str:
    """Write the first of a list with commas; what is null was not sent."""
    shown = [NOT_SENT if value is None else str(value) for value in values[:_FIRST]]
    more = [f"{len(values) - _FIRST} more"] if len(values) > _FIRST else []
    return ", ".join(shown + more)
