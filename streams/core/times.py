"""Times as the provider writes them, read strictly and alike one by one or in columns.

Usable: ISO 8601 with ``T`` or a space between date and time, seconds to nanoseconds,
``Z``, an offset or no zone (then UTC), years 1970 to 2199.
"""

import re
from collections.abc import Sequence
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

UTC_MICROSECONDS = pa.timestamp("us", "UTC")

_USABLE = re.compile(
    r"((?:19[7-9]|20[0-9]|21[0-9])[0-9]-[0-9]{2}-[0-9]{2})[T ]"
    r"([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:\.([0-9]{1,9}))?"
    r"([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_MICROSECOND_DIGITS = 6
# Shorter texts may lack the zone or the minutes, which Arrow reads and we do not.
_SHORTEST_WHOLE = len("2026-01-01T00:00:00Z")
_FIRST_US = 0
_AFTER_LAST_US = 7_258_118_400_000_000  # 2200-01-01T00:00:00Z


def canonical(text: str) -> str | None:
    """Return the text as Arrow reads it, ``YYYY-MM-DDTHH:MM:SS[.f]`` with its zone.

    Args:
        text: What the provider sent as a time.

    Returns:
        The same instant, cut to microseconds; None if the text's form is not usable.
        Whether the date exists and is inside the usable years is not looked at.
    """
    match = _USABLE.fullmatch(text)
    if match is None:
        return None
    date, minutes, seconds, fraction, zone = match.groups()
    if fraction and not seconds:
        return None
    part = f".{fraction[:_MICROSECOND_DIGITS]}" if fraction else ""
    return f"{date}T{minutes}{seconds or ':00'}{part}{(zone or 'Z').upper()}"


def is_exact(text: str) -> bool:
    """Return False when a usable text says more than microseconds can hold."""
    match = _USABLE.fullmatch(text)
    fraction = (match and match.group(4)) or ""
    return not fraction[_MICROSECOND_DIGITS:].strip("0")


def column(texts: list[str | None]) -> tuple[pa.Array, list[int]]:
    """Read a column of times.

    Args:
        texts: N texts as sent; None where there is none.

    Returns:
        N timestamps (microseconds, UTC), null where there is none or it is not usable;
        and the places of the texts that the timestamps do not hold exactly (not usable,
        or finer than microseconds), in order.
    """
    times = _all_at_once(texts)
    return _one_by_one(texts) if times is None else (times, [])


def columns(several: Sequence[list[str | None]]) -> list[tuple[pa.Array, list[int]]]:
    """Read columns of times of one length, each as :func:`column` does.

    A call of Arrow costs as much as reading 500 times: one is made for all columns.
    """
    filled = [texts for texts in several if not _is_empty(texts)]
    times = _all_at_once(list(chain.from_iterable(filled)))
    if times is None:
        return [column(texts) for texts in several]
    found: list[tuple[pa.Array, list[int]]] = []
    begin = 0
    for texts in several:
        if _is_empty(texts):
            found.append((pa.nulls(len(texts), UTC_MICROSECONDS), []))
        else:
            found.append((times.slice(begin, len(texts)), []))
            begin += len(texts)
    return found


def _is_empty(texts: list[str | None]) -> bool:
    return not any(texts) and texts.count(None) == len(texts)


def _all_at_once(texts: list[str | None]) -> pa.Array | None:
    """Return the times where all texts are usable and held exactly, else None."""
    strings = pa.array(texts, pa.string())
    times = _cast(strings)
    shortest = pc.min(pc.binary_length(strings)).as_py()
    if times is not None and (shortest is None or shortest >= _SHORTEST_WHOLE):
        return times
    return None


def _cast(strings: pa.Array) -> pa.Array | None:
    try:
        times = pc.cast(strings, UTC_MICROSECONDS)
    except pa.ArrowInvalid:
        return None
    bounds = pc.min_max(pc.cast(times, pa.int64())).as_py()
    if bounds["min"] is None:
        return times
    if bounds["min"] < _FIRST_US or bounds["max"] >= _AFTER_LAST_US:
        return None
    return times


def _one_by_one(texts: list[str | None]) -> tuple[pa.Array, list[int]]:
    usable = [_existing(text) for text in texts]
    inexact = [
        place
        for place, text in enumerate(texts)
        if text is not None and (usable[place] is None or not is_exact(text))
    ]
    return pc.cast(pa.array(usable, pa.string()), UTC_MICROSECONDS), inexact


def _existing(text: str | None) -> str | None:
    """Return the canonical text if its form is usable and its date exists."""
    form = None if text is None else canonical(text)
    return form if form and _cast(pa.array([form])) is not None else None
