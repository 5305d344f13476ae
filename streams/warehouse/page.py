"""A report on one screen: its question, its period, the table, and what to mind."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TextIO

from streams.warehouse import trend
from streams.warehouse.choice import FILTERS, Choice
from streams.warehouse.output import as_table, fitting, people, pictures
from streams.warehouse.period import EVERYTHING, Period
from streams.warehouse.queries import Query
from streams.warehouse.rows import Rows

MOST_ROWS = 1_000
_BAR_WIDTH = 8
# In a shorter period a date needs no year.
_ONE_YEAR_OR_SO = timedelta(days=300)
# How a header calls the time of a period, where it is no word.
_TIMES = {"received at": "time received"}
_BARS = ("failure_rate", "silent_rate", "rate", "unknown_rate", "share")
# How long after sending a receipt may come, and how long the provider tries to tell.
_LATEST_RECEIPT, _LATEST_TELLING = timedelta(hours=73), timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Asked:
    """A report and what it is asked for.

    Attributes:
        report: The report.
        period: Of which time.
        chosen: Filters, groups, the period to compare with.
        received_until: When the newest callback was received; None before any.
        most: How many rows are shown at most; None for a thousand.
        width: Of a line, characters; None for that of the terminal, or no limit.
    """

    report: Query
    period: Period
    chosen: Choice
    received_until: datetime | None = None
    most: int | None = None
    width: int | None = None


def show(asked: Asked, found: Rows, trends: trend.Trends, to: TextIO | None) -> None:
    """Print a report for people.

    Args:
        asked: The report and what it is asked for.
        found: Its rows.
        trends: History of each group, where there is one.
        to: Where to; standard output by default.
    """
    most = MOST_ROWS if asked.most is None else asked.most
    shown = list(islice(found.values, most))
    left = sum(1 for _ in found.values)
    rows = replace(found, values=iter(shown))
    print("\n".join(heading(asked)), file=to)
    width = asked.width or as_table.width_of(to)
    pictured = _with_pictures(asked, rows, shown, trends)
    pictured = fitting.fitted(pictured, len(shown), width)
    as_table.write(pictured, to or sys.stdout, asked.width)
    has_trends = "trend" in pictured.names
    window = trends.window if has_trends else None
    for line in _remarks(asked, found.names, shown, left, window):
        print(line, file=to)


def heading(asked: Asked) -> Iterator[str]:
    """Say what a report asks, of which time, of what, and what it counts."""
    report, period = asked.report, asked.period
    yield report.question
    if (period.since, period.until) == (EVERYTHING.since, EVERYTHING.until):
        time = "all time"
    else:
        kind = report.time.partition(",")[0]
        kind = _TIMES.get(kind, kind)
        time = f"{_shown(period.since)} to {_shown(period.until)} UTC by {kind}"
    yield f"{time}, counting {report.counts}"
    if "earlier_since" in report.params:
        values = asked.chosen.values(period)
        earlier, until = values["earlier_since"], values["earlier_until"]
        yield f"against {_shown(earlier)} to {_shown(until)} UTC"
    if words := [_filter(name, asked.chosen.filters.get(name)) for name in FILTERS]:
        told = "; ".join(filter(None, words))
        if told:
            yield f"only {told}"


def _filter(name: str, values: Sequence[Any] | None) -> str:
    if not values:
        return ""
    given = ", ".join(people.NOT_SENT if v == "" else str(v) for v in values)
    return people.printable(f"{name.replace('_', ' ')} {given}")


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


def _with_pictures(
    asked: Asked, rows: Rows, shown: Sequence[Sequence[Any]], trends: trend.Trends
) -> Rows:
    """Add a bar for the report's share, and the history of each row's group."""
    is_long = asked.period.until - asked.period.since > _ONE_YEAR_OR_SO
    worded = people.for_people(rows, with_year=is_long)
    named = [dict(zip(rows.names, row, strict=True)) for row in shown]
    columns: dict[str, list[str]] = {}
    if bars := _bars(rows.names, named):
        columns["bar"] = bars
    if trends.lines:
        columns["trend"] = [trends.of(row) for row in named]
    if asked.period.window or not columns:
        return worded
    return worded.with_columns(columns)


def _bars(names: Sequence[str], shown: Sequence[Mapping[str, Any]]) -> list[str]:
    """Draw each row's share against the greatest of those that are of enough."""
    name = next((name for name in _BARS if name in names), None)
    if name is None or len(shown) < 2:  # noqa: PLR2004 - one bar compares with nothing
        return []
    shares = [
        row[name] if row[name] is not None and row.get("enough", True) else 0
        for row in shown
    ]
    greatest = max(shares)
    if not greatest:
        return []
    return [pictures.bar(share / greatest, _BAR_WIDTH) for share in shares]


def _remarks(
    asked: Asked,
    names: Sequence[str],
    shown: Sequence[Sequence[Any]],
    left: int,
    window: timedelta | None,
) -> Iterator[str]:
    """Say what to mind about the numbers."""
    if left:
        yield (
            f"The first {len(shown):,} of {len(shown) + left:,} rows; --top 0 shows "
            f"more, --format csv or json gives all."
        )
    if shown and "overall_before" in names:
        yield from _change(names, shown, left)
    if window:
        yield (
            f"trend: windows of {people.length(window)}, what the rate is at least "
            f"(95 %), each row to its own scale."
        )
    if shown:
        yield from _provisional(asked)


def _change(
    names: Sequence[str], shown: Sequence[Sequence[Any]], left: int
) -> Iterator[str]:
    rows = [dict(zip(names, row, strict=True)) for row in shown]
    before, after = rows[0]["overall_before"], rows[0]["overall"]
    sums = [sum(row[name] for row in rows) for name in ("rate_change", "mix_change")]
    of = "These rows" if left else "All rows"
    yield (
        f"The failure rate went from {people.percent(before)} to "
        f"{people.percent(after)}: {people.points(after - before)} points. {of} make "
        f"{people.points(sum(sums))}: rates {people.points(sums[0])}, mix of traffic "
        f"{people.points(sums[1])}."
    )


def _provisional(asked: Asked) -> Iterator[str]:
    """Say that numbers will still change, if they may."""
    kind, until = asked.report.time.partition(",")[0], asked.received_until
    if until is None or (asked.period.until == EVERYTHING.until and not kind):
        return
    if kind == "event time" and asked.period.until > until - _LATEST_TELLING:
        yield (
            f"Provisional: callbacks are in until {people.instant(until)} UTC, and an "
            f"event may be told up to a day late."
        )
    if kind == "send time" and asked.period.until > until - _LATEST_RECEIPT:
        yield (
            f"Provisional: callbacks are in until {people.instant(until)} UTC, and a "
            f"receipt may take up to 73 hours."
        )
