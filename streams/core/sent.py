"""One line of a log of messages sent → the messages it tells of, or what is wrong.

Such logs come from anywhere: the sender's own database, the provider's list of messages
or its export. A value is read leniently where what it means is certain, and refused
with a sentence where it is not.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

import xxhash

from streams.core import telephone, times

# What a column may be called, capitals and signs aside; the first that is there counts.
NAMES = {
    "message_id": (
        *("messageid", "msgid", "messageuuid", "messagesid", "providermessageid"),
        *("bandwidthmessageid", "bandwidthid", "providerid", "sid", "id"),
    ),
    "destination": (
        *("destination", "to", "destinationtn", "destinationnumber", "tonumber"),
        *("recipients", "recipient", "tonumbers", "callednumber"),
    ),
    "sent_at": (
        *("sentat", "timesent", "senttime", "sendtime", "datesent", "messagetime"),
        *("time", "receivetime", "timestamp", "createdat", "datecreated", "datetime"),
    ),
    "sender": (
        *("sender", "from", "sourcetn", "source", "sourcenumber", "fromnumber"),
        "owner",
    ),
    "application_id": ("applicationid", "application", "appid"),
    "direction": ("direction", "messagedirection"),
}
REQUIRED = ("message_id", "destination", "sent_at")

_SIGNS = re.compile(r"[^a-z0-9]+")
_INBOUND = {"in", "inbound", "incoming", "received", "mo"}
_LONGEST_ID = 512
_LONGEST_SHOWN = 60
_RECIPIENTS = re.compile(r"[,;|\n]")
_AROUND_LISTS, _AROUND_TEXTS = "[]{}", " \t\r\"'"
_LETTER = re.compile(r"[A-Za-z]")
_ZONE_IN_WORDS = re.compile(r" ?(?:UTC|GMT)")
_HAS_ZONE = re.compile(r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)")
_DATE_LENGTH = len("2026-05-04T10:00")
_UNIX = re.compile(r"[0-9]{10}(?:[0-9]{3}|[0-9]{6})?(?:\.[0-9]{1,9})?", re.ASCII)
_UNIX_UNITS = {10: 1_000_000, 13: 1_000, 16: 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS = range(1970, 2200)


class SenselessError(Exception):
    """A line cannot be read; the message says which value, and why."""


class Message(NamedTuple):
    """A message as a log tells of it: one for each number that it was sent to."""

    message_id: str
    destinations: tuple[str, ...]
    sent_at: datetime
    sender: str | None
    application_id: str | None


def field_of(name: str) -> str | None:
    """Return what a column of that name has; None where it is of no use here."""
    plain = _plain(name)
    found = (field for field, names in NAMES.items() if plain in names)
    return next(found, None)


def _plain(name: str) -> str:
    return _SIGNS.sub("", name.lower())


def columns_of(names: Iterable[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Choose the columns of a log.

    Args:
        names: What its columns are called.
        chosen: Column by field, as a person says; recognised where nothing is said.

    Returns:
        Column by field. A field of ``NAMES`` that no column has is not in it.
    """
    by_plain: dict[str, str] = {}
    for name in names:
        by_plain.setdefault(_plain(name), name)
    found = {
        field: next(by_plain[each] for each in known if each in by_plain)
        for field, known in NAMES.items()
        if any(each in by_plain for each in known)
    }
    return {**found, **chosen}


def read(values: Mapping[str, object], zone: tzinfo = UTC) -> Message | None:
    """Read one line.

    Args:
        values: By field of ``NAMES``: texts as written, numbers and lists of JSON.
        zone: That of times which name none.

    Returns:
        The message; None where it was received, not sent.

    Raises:
        SenselessError: It is no message.
    """
    if str(values.get("direction") or "").strip().lower() in _INBOUND:
        return None
    return Message(
        _message_id(values.get("message_id")),
        _destinations(values.get("destination")),
        _time(values.get("sent_at"), zone),
        _sender(values.get("sender")),
        _text("application_id", values.get("application_id")) or None,
    )


def _text(field: str, value: object) -> str:
    """Return a value's text without blanks around it; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SenselessError(f"{field}: {_shown(value)} is no text")
    text = str(value).strip()
    if not text.isprintable():
        raise SenselessError(
            f"{field}: {_shown(text)} has characters that are not UTF-8 or cannot be "
            f"seen"
        )
    return text


def _message_id(value: object) -> str:
    text = _text("message_id", value)
    if not text:
        raise SenselessError("message_id: missing")
    if len(text) > _LONGEST_ID:
        raise SenselessError(f"message_id: {len(text):,} characters, no id is so long")
    return text


def _destinations(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        texts: Sequence[object] = _RECIPIENTS.split(value.strip().strip(_AROUND_LISTS))
    else:
        texts = value if isinstance(value, list) else [value]
    given = [
        text.strip(_AROUND_TEXTS) if isinstance(text, str) else text for text in texts
    ]
    numbers = [_number(each) for each in given if each not in ("", None)]
    if not numbers:
        raise SenselessError("destination: missing")
    return tuple(dict.fromkeys(numbers))


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SenselessError(f"destination: {_shown(value)} is no telephone number")
    found = telephone.normal(str(value))
    if found is None:
        raise SenselessError(f"destination: {_shown(value)} is no telephone number")
    return found


def _sender(value: object) -> str | None:
    """Return a number as callbacks have it; names and whatever else as they are."""
    text = _text("sender", value)
    if not text:
        return None
    return text if _LETTER.search(text) else telephone.normal(text) or text


def _time(value: object, zone: tzinfo) -> datetime:
    text = _ZONE_IN_WORDS.sub("Z", _text("sent_at", value), count=1)
    if not text:
        raise SenselessError("sent_at: missing")
    found = _unix(text) if _UNIX.fullmatch(text) else _written(text, zone)
    if found is None or found.year not in _YEARS:
        raise SenselessError(
            f"sent_at: {_shown(value)} is no time; write it as 2026-05-04T10:00:00Z"
        )
    return found


def _unix(text: str) -> datetime:
    whole = text.partition(".")[0]
    microseconds = int(float(text) * _UNIX_UNITS[len(whole)])
    if whole == text:
        microseconds = int(whole) * _UNIX_UNITS[len(whole)]
    return _EPOCH + timedelta(microseconds=microseconds)


def _written(text: str, zone: tzinfo) -> datetime | None:
    form = times.canonical(text)
    if form is None:
        return None
    try:
        found = datetime.fromisoformat(form)
        if _HAS_ZONE.search(text, _DATE_LENGTH) is None:
            found = found.replace(tzinfo=zone)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def key(message_id: str, destination: str) -> int:
    """Return what tells a message to a number from any other, 64 bits."""
    # The length keeps apart what would join to the same text.
    return _hashed(f"{len(message_id)}:{message_id}:{destination}".encode())


def key_of_unreadable(content: bytes) -> int:
    """Return what tells a line that cannot be read from any other, 64 bits."""
    return _hashed(b"unreadable:" + content)


def _hashed(content: bytes) -> int:
    return xxhash.xxh3_64_intdigest(content)
