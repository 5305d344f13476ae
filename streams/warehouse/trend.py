"""The history of each row of a report: its rate, window by window, as a line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from streams.core.rates import wilson
from streams.warehouse.output import pictures
from streams.warehouse.period import MINUTE, Period

# Lengths of windows that are easily said, in minutes: the shortest that cuts a period
# into no more windows than these is taken.
_MOST_WINDOWS, _FEWEST = 16, 6
_LENGTHS = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 10080, 40320)
# Over a longer time a line says nothing that is of use now.
_LONGEST = timedelta(days=400)
_KEYS = (
    *("country", "carrier", "application_id", "channel", "sender_type", "sender"),
    *("tag", "error_code"),
)
# The part that is drawn, and the whole that it is of.
_PARTS = {
    **dict.fromkeys(("events", "failed", "unknown"), "finished"),
    "without_event": "settled",
}
# A line whose highest point is lower than this share is drawn low: all is quiet.
_LEAST_SCALE = 0.02
_Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Trends:
    """Lines by the group that they are of.

    Attributes:
        window: Length of what one character stands for.
        keys: Columns that name a group.
        lines: The line of each group.
    """

    window: timedelta = MINUTE
    keys: tuple[str, ...] = ()
    lines: Mapping[_Key, str] = field(default_factory=dict)

    def of(self, row: Mapping[str, Any]) -> str:
        """Return the line of a row's group; empty where there is none."""
        return self.lines.get(tuple(row[key] for key in self.keys), "")


NO_TRENDS = Trends()


def windows_of(period: Period) -> Period | None:
    """Cut a period into some windows; None where it is too long, or cut already."""
    length = period.until - period.since
    if period.window or length > _LONGEST or length < _FEWEST * MINUTE:
        return None
    minutes = next(m for m in _LENGTHS if length <= _MOST_WINDOWS * m * MINUTE)
    return Period(period.since, period.until, minutes * MINUTE)


def drawn(
    period: Period, names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Trends:
    """Draw the lines.

    Args:
        period: With windows.
        names: Columns of the report that ran over it: ``window_start``, those of the
            group, and a part with its whole, such as ``failed`` and ``finished``.
        rows: Its rows.
    """
    part = next(name for name in _PARTS if name in names)
    keys = tuple(name for name in _KEYS if name in names)
    groups: dict[_Key, dict[datetime, float]] = {}
    for row in rows:
        named = dict(zip(names, row, strict=True))
        interval = wilson(named[part], named[_PARTS[part]])
        rates = groups.setdefault(tuple(named[key] for key in keys), {})
        rates[named["window_start"]] = interval.low if interval else 0.0
    length = period.window or MINUTE
    starts = _starts(period, length, (s for found in groups.values() for s in found))
    # A code has a row only where it came; without one it was at 0.
    absent = 0.0 if "error_code" in keys else None
    lines = {key: _line(rates, absent, starts) for key, rates in groups.items()}
    return Trends(length, keys, lines)


def _starts(
    period: Period, length: timedelta, seen: Iterable[datetime]
) -> list[datetime]:
    """Return the starts of all windows of a period, which any of those seen gives."""
    some = next(iter(seen), None)
    if some is None:
        return []
    start = some - (some - period.since) // length * length
    if start > period.since:
        start -= length
    count = -(-(period.until - start) // length)
    return [start + length * number for number in range(count)]


def _line(
    rates: Mapping[datetime, float], absent: float | None, starts: Sequence[datetime]
) -> str:
    values = [rates.get(start, absent) for start in starts]
    highest = max((value for value in values if value is not None), default=0.0)
    return pictures.line(values, max(highest, _LEAST_SCALE))
