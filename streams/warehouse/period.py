"""The period of a report: what ``--since``, ``--until`` and ``--window`` mean."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from streams.settings import ConfigurationError

MINUTE = timedelta(minutes=1)
DEFAULT_LENGTH = timedelta(hours=24)
ALL = "all"
# Usable event times are of the years 1970 to 2199.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
# Windows start here and go both ways, as DuckDB's time_bucket has it: whole weeks start
# on Mondays.
_ORIGIN = datetime(2000, 1, 3, tzinfo=UTC)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": MINUTE,
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DURATION = re.compile(r"(?P<number>[0-9]{1,9})(?P<unit>[smhdw])", re.ASCII)
_YEAR_OR_MONTH = re.compile(r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open period ``[since, until)`` in UTC, and its windows' length if any."""

    since: datetime
    until: datetime
    window: timedelta | None = None


EVERYTHING = Period(EARLIEST, LATEST)


def of(
    since: str | None, until: str | None, window: str | None, now: datetime
) -> Period:
    """Read a period out of what a person wrote.

    Args:
        since: A time, ``all``, or how long before now; None is a day before ``until``.
        until: A time, or how long before now; None is now, and the end of all time when
            ``since`` is ``all``.
        window: Length of a window, such as ``5m``; None for one row a group.
        now: The clock, with a zone.

    Returns:
        The period, its start rounded down and its end rounded up to the window, or to
        the minute without one.

    Raises:
        ConfigurationError: A value cannot be read, or the period is empty; the message
            names the option.
    """
    length = None if window is None else _window(window)
    end = _end(since, until, now)
    if since == ALL:
        begin = EARLIEST
    elif since is None:
        begin = max(end - DEFAULT_LENGTH, EARLIEST)
    else:
        begin = _time("--since", since, now)
    if begin >= end:
        raise ConfigurationError(
            f"--since {since or begin.isoformat()} is not before --until "
            f"{until or 'now'}: the period is empty."
        )
    step = length or MINUTE
    return Period(_rounded_down(begin, step), _rounded_up(end, step), length)


def _end(since: str | None, until: str | None, now: datetime) -> datetime:
    if until is not None:
        return _time("--until", until, now)
    return LATEST if since == ALL else now.astimezone(UTC)


def _window(text: str) -> timedelta:
    length = duration(text)
    if length is None or length <= timedelta(0) or length % MINUTE:
        raise ConfigurationError(
            f"--window {text} is not usable: give whole minutes, such as 5m, 1h or 1d; "
            f"events are counted by the minute."
        )
    return length


def duration(text: str) -> timedelta | None:
    """Read a length such as ``30m``, ``24h`` or ``7d``; None when it is none."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    try:
        return int(match["number"]) * _UNITS[match["unit"]]
    except OverflowError:
        return None


def _time(option: str, text: str, now: datetime) -> datetime:
    try:
        length = duration(text)
        time = _instant(text) if length is None else now - length
        time = time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(
            f"{option} {text} is no time: give ISO 8601 such as 2026-05-04 or "
            f"2026-05-04T10:00:00Z (UTC when no zone is given), or how long ago, such "
            f"as 30m, 24h or 7d."
        ) from error
    if not EARLIEST <= time <= LATEST:
        raise ConfigurationError(
            f"{option} {text} is outside of the years 1970 to 2199: no event is."
        )
    return time


def _instant(text: str) -> datetime:
    """Read an ISO 8601 time of any precision; one without a zone is UTC."""
    if match := _YEAR_OR_MONTH.fullmatch(text):
        return datetime(int(match["year"]), int(match["month"] or 1), 1, tzinfo=UTC)
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _rounded_down(time: datetime, step: timedelta) -> datetime:
    return _ORIGIN + (time - _ORIGIN) // step * step


def _rounded_up(time: datetime, step: timedelta) -> datetime:
    return _ORIGIN - (_ORIGIN - time) // step * step
