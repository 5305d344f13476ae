"""What a person is shown: one line a country, a code, and one for everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from streams.monitor.watch.asking import Answer

Row = Mapping[str, Any]
COURSE_WINDOW = timedelta(minutes=30)
_ALL = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The rate less an earlier one; None where one of the two is not known."""

    difference: float | None
    is_more_than_chance: bool


UNKNOWN_CHANGE = Change(None, is_more_than_chance=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a picture.

    Attributes:
        name: A country or a code as the monitor names it; None where none was sent.
        is_other: The rest beside the largest.
        events: Failed events, or events of the code, in the last hour.
        finished: What finished.
        rate: Their share; None where nothing finished.
        low: Lower bound of its 95 % interval.
        high: Upper bound.
        course: The rate by window, the oldest first; None where nothing finished.
        changes: Against each of the earlier hours, in their order.
    """

    name: str | int | None
    is_other: bool
    events: int
    finished: int
    rate: float | None
    low: float | None
    high: float | None
    course: Sequence[float | None]
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class View:
    """Everything of one picture.

    Attributes:
        overall: All events of the last hour; None when nothing finished in it.
        unknown_rate: The share that ended without a receipt.
        countries: The countries with the most failures.
        codes: The error codes with the most events.
        as_of: Everything acknowledged before is counted; None when nobody told.
        problems: Why as_of stands still.
    """

    overall: Line | None
    unknown_rate: float | None
    countries: Sequence[Line]
    codes: Sequence[Line]
    as_of: datetime | None
    problems: Sequence[str] = field(default_factory=tuple)


def view_of(
    current: Mapping[str, Answer],
    earlier: Mapping[tuple[str, str], Answer],
    courses: Mapping[str, Answer],
) -> View:
    """Put answers of the monitor together.

    Args:
        current: By dimension ("" for none), the last hour.
        earlier: By dimension and how long ago, the last hour with its comparison.
        courses: By dimension, the rate by window.
    """

    def lines(by: str) -> list[Line]:
        before = [
            {_name(row, by): row for row in answer["rows"]}
            for (dimension, _), answer in earlier.items()
            if dimension == by
        ]
        course = _courses(courses.get(by), by, _quiet(courses[_ALL]))
        return [_line(row, by, before, course) for row in current[by]["rows"]]

    overall = current[_ALL]
    as_of = overall["as_of"]
    return View(
        overall=next(iter(lines(_ALL)), None),
        unknown_rate=next((row["unknown_rate"] for row in overall["rows"]), None),
        countries=lines("country"),
        codes=lines("error_code"),
        as_of=None if as_of is None else datetime.fromisoformat(as_of),
        problems=tuple(overall["problems"]),
    )


def _line(
    row: Row,
    by: str,
    before: Sequence[Mapping[Any, Row]],
    courses: Mapping[Any, Sequence[float | None]],
) -> Line:
    name = _name(row, by)
    is_other = row.get("is_other", False)
    rate = row[_rate(by)]
    return Line(
        name=name,
        is_other=is_other,
        events=row["events" if by == "error_code" else "failed"],
        finished=row["finished"],
        rate=rate,
        low=row["low"],
        high=row["high"],
        course=() if is_other else courses.get(name, ()),
        changes=[
            UNKNOWN_CHANGE if is_other or name not in rows else _change(rows[name])
            for rows in before
        ],
    )


def _change(row: Row) -> Change:
    return Change(row["change"], is_more_than_chance=row["is_more_than_chance"])


def _courses(
    answer: Answer | None, by: str, is_quiet: Mapping[str, bool]
) -> dict[Any, list[float | None]]:
    """Return each group's rate in every window; None where nothing finished."""
    if answer is None:
        return {}
    found: dict[Any, dict[str, float | None]] = {}
    for row in answer["rows"]:
        found.setdefault(_name(row, by), {})[row["window_start"]] = row[_rate(by)]

    def missing(window: str) -> float | None:
        """A code that nobody sent is 0 % of what finished."""
        return 0.0 if by == "error_code" and not is_quiet[window] else None

    return {
        name: [rates.get(window, missing(window)) for window in is_quiet]
        for name, rates in found.items()
    }


def _quiet(answer: Answer) -> dict[str, bool]:
    """Return each window of an answer, in order, and whether nothing finished in it."""
    busy = {row["window_start"] for row in answer["rows"]}
    start = datetime.fromisoformat(answer["since"])
    until = datetime.fromisoformat(answer["until"])
    windows = []
    while start < until:
        windows.append(f"{start.replace(tzinfo=None).isoformat()}Z")
        start += COURSE_WINDOW
    return {window: window not in busy for window in windows}


def _name(row: Row, by: str) -> Any:  # noqa: ANN401 - a country or a code
    return row[by] if by else None


def _rate(by: str) -> str:
    return "rate" if by == "error_code" else "failure_rate"
