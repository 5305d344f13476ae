"""What a person asks in a URL → a query, or one sentence that names what is wrong."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from streams import reference
from streams.core.outcomes import OTHER
from streams.core.rate_query import FINISHED, Filter, Query
from streams.core.series import DIMENSIONS, Value
from streams.settings import ConfigurationError
from streams.warehouse import period

MINUTE = timedelta(minutes=1)
DEFAULT_PERIOD = timedelta(hours=1)
MOST_TOP = 1_000
MOST_VALUES = 100
LONGEST_VALUE = 300
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SINGLE = ("since", "until", "window", "top", "compare")
NAMES = (*SINGLE, "by", *DIMENSIONS)

_OPTION = re.compile(r"--(since|until|window)\b")
# A plus that was not written as %2B comes as a blank.
_LOST_PLUS = re.compile(r"(?<=[0-9]) (?=[0-9]{2}:?[0-9]{2}$)")
_INTEGER = re.compile(r"-?[0-9]{1,10}", re.ASCII)
_INT32 = 1 << 31
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_LONGEST_COMPARE = timedelta(days=3_660)


class BadParameterError(Exception):
    """A parameter is not usable; the message is one sentence that names it."""


def parse(given: Sequence[tuple[str, str]], now: datetime) -> Query:
    """Read a query.

    Args:
        given: Names and values of the URL's query, in order; a name may come again.
        now: What ``30m`` ago counts from, and the end of the default period.

    Raises:
        BadParameterError: A name is not known, or a value not usable.
    """
    values: dict[str, list[str]] = {}
    for name, value in given:
        if name not in NAMES:
            raise BadParameterError(
                f"Parameter {name[:50]!r} is not known: use {', '.join(NAMES)}."
            )
        if len(value) > LONGEST_VALUE:
            raise BadParameterError(
                f"{name} is longer than {LONGEST_VALUE} characters: give a shorter one."
            )
        values.setdefault(name, []).append(value)
    for name in SINGLE:
        if len(values.get(name, ())) > 1:
            raise BadParameterError(f"{name} is given more than once: give it once.")
    asked = _period({name: values[name][0] for name in SINGLE if name in values}, now)
    query = Query(
        since=_minute(asked.since),
        until=_minute(asked.until),
        window=None if asked.window is None else asked.window // MINUTE,
        by=_by(values.get("by", ())),
        filters=tuple(_filters(values)),
        top=_top(values["top"][0]) if "top" in values else None,
        compare=_compare(values["compare"][0]) if "compare" in values else None,
    )
    _require_columns(query)
    return query


def _period(given: Mapping[str, str], now: datetime) -> period.Period:
    since, until = _time(given.get("since")), _time(given.get("until"))
    window = given.get("window")
    try:
        if since is None:
            end = period.of(period.ALL, until, None, now).until if until else now
            since = max(end - DEFAULT_PERIOD, period.EARLIEST).isoformat()
        return period.of(since, until, window, now)
    except ConfigurationError as error:
        raise BadParameterError(_OPTION.sub(r"\1", str(error))) from error
    except OverflowError as error:
        raise BadParameterError(
            f"window {window} is longer than all time: give a shorter one."
        ) from error


def _time(text: str | None) -> str | None:
    return None if text is None else _LOST_PLUS.sub("+", text)


def _minute(time: datetime) -> int:
    return (time - _EPOCH) // MINUTE


def _by(given: Sequence[str]) -> tuple[str, ...]:
    names = {name.strip() for text in given for name in text.split(",")} - {""}
    for name in sorted(names):
        if name not in DIMENSIONS:
            raise BadParameterError(
                f"by cannot be {name[:50]!r}: use any of {', '.join(DIMENSIONS)}."
            )
    return tuple(name for name in DIMENSIONS if name in names)


def _filters(values: Mapping[str, Sequence[str]]) -> list[Filter]:
    found = []
    for name in DIMENSIONS:
        texts = values.get(name, ())
        if len(texts) > MOST_VALUES:
            raise BadParameterError(
                f"{name} is given {len(texts)} times: give it {MOST_VALUES} times at "
                f"most."
            )
        if texts:
            found.append(Filter(name, frozenset(_values(name, texts))))
    return found


def _values(name: str, texts: Sequence[str]) -> set[Value]:
    """Read values of a filter; an empty one stands for null, and an empty text."""
    known = known_values(name)
    found: set[Value] = set()
    for text in texts:
        if text == "" and name != "outcome":
            found |= {None} if name == "error_code" else {None, ""}
        elif name == "error_code":
            found.add(_error_code(text))
        elif name == "country" and not _COUNTRY.fullmatch(text):
            raise BadParameterError(
                f"country cannot be {text[:50]!r}: give two capital letters of ISO "
                f"3166, such as MX, or ZZ where it cannot be told."
            )
        elif known and text not in known:
            raise BadParameterError(
                f"{name} cannot be {text[:50]!r}: use one of {', '.join(known)}"
                f"{'' if name == 'outcome' else ', or an empty value for none'}."
            )
        else:
            found.add(text)
    return found


def _error_code(text: str) -> int:
    if _INTEGER.fullmatch(text) and -_INT32 <= int(text) < _INT32:
        return int(text)
    raise BadParameterError(
        f"error_code cannot be {text[:50]!r}: give a whole number, such as 4770, or an "
        f"empty value for none."
    )


@cache
def known_values(name: str) -> tuple[str, ...]:
    """Return the values that a dimension can have, where they are fixed."""
    if name == "outcome":
        others = (row["outcome"] for row in reference.table("outcomes"))
        return tuple(dict.fromkeys((*FINISHED, *others, OTHER)))
    if name == "sender_type":
        rows = reference.table("sender_types")
        return tuple(dict.fromkeys(row["sender_type"] for row in rows))
    return ()


def _top(text: str) -> int:
    if text.isascii() and text.isdecimal() and 1 <= int(text[:10]) <= MOST_TOP:
        return int(text)
    raise BadParameterError(
        f"top cannot be {text[:50]!r}: give a whole number from 1 to {MOST_TOP}."
    )


def _compare(text: str) -> int:
    length = period.duration(text)
    if length is None or length % MINUTE or not MINUTE <= length <= _LONGEST_COMPARE:
        raise BadParameterError(
            f"compare cannot be {text[:50]!r}: say how much earlier, in whole minutes "
            f"and at most ten years, such as 1h, 1d or 7d."
        )
    return length // MINUTE


def _require_columns(query: Query) -> None:
    """See that each outcome that is let in has a column to be counted in."""
    outcomes = query.outcomes
    if query.has_parts or outcomes is None or outcomes <= set(FINISHED):
        return
    other = min(str(each) for each in outcomes - set(FINISHED))
    raise BadParameterError(
        f"outcome={other} has no column of its own: add by=outcome, or use one of "
        f"{', '.join(FINISHED)}."
    )
