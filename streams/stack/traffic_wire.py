"""Callbacks in the provider's wire form: times, ids, JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import msgspec

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        time_us: When, Unix time in microseconds.
        content: The callback that tells it, one JSON object.
    """

    time_us: int
    content: bytes


def event(time_us: int, fields: Mapping[str, object]) -> Event:
    """Make an event of its time and the callback's other fields; None is left out."""
    callback = {"time": written(time_us)} | present(fields)
    return Event(time_us, msgspec.json.encode(callback))


def present(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def unix_us(time: datetime) -> int:
    """Return Unix time in microseconds.

    Raises:
        ValueError: The time has no zone.
    """
    if time.tzinfo is None:
        raise ValueError(f"time must have a zone, got {time!r}")
    return (time - _EPOCH) // timedelta(microseconds=1)


def written(time_us: int) -> str:
    """Write a time as the provider does since 2024: microseconds and ``Z``."""
    time = (_EPOCH + timedelta(microseconds=time_us)).replace(tzinfo=None)
    return time.isoformat(timespec="microseconds") + "Z"


def outbound_id(draw: Random, time_us: int) -> str:
    """Return the id of a sent message: epoch milliseconds and 16 characters."""
    return f"{time_us // 1_000:013d}" + "".join(draw.choices(_BASE36, k=16))


def uuid(draw: Random) -> str:
    """Return a UUID, the other form of ids: messages received, media."""
    return str(UUID(int=draw.getrandbits(128), version=4))
