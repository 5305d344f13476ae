"""The sender's own log of the demo's traffic: it knows messages nobody ever told of."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import msgspec

from streams.stack import traffic_senders
from streams.stack.traffic_wire import outbound_id, unix_us, written

# An application that belongs to no location: the provider takes its messages, and not
# one of them is ever heard of.
WITHOUT_LOCATION = "7d9e4b52-1f0c-4a86-b3d7-58c2e1a9f604"
LOST_OF_IT, LOST_OF_OTHERS = 40, 12
_SENDER = "+12065550147"
_HEADER = ("messageId", "time", "applicationId", "from", "to")
_REMINDERS = traffic_senders.APPLICATIONS[2].application_id


class Sent(NamedTuple):
    """One line of the log."""

    message_id: str
    time: str
    application_id: str
    sender: str
    to: Sequence[str]


def log(bodies: Iterable[bytes], seed: int, until: datetime) -> str:
    """Return the log as CSV: what the traffic tells of and what it does not.

    Args:
        bodies: What the provider posted.
        seed: Any integer.
        until: The end of the traffic.

    Returns:
        All messages of the bodies but those of one application in one hour, whose part
        of the log got lost; and some of which the bodies say nothing.
    """
    draw = Random(seed)  # noqa: S311 - chance, not secrecy
    told = list({sent.message_id: sent for sent in _told(bodies)}.values())
    lost = [*_of_others(draw, told), *_without_location(draw, told, until)]
    listed = [sent for sent in told if not _is_missing(sent, until)]
    to = io.StringIO()
    lines = csv.writer(to, lineterminator="\n")
    lines.writerow(_HEADER)
    for sent in sorted([*listed, *lost], key=lambda sent: sent.time):
        lines.writerow([*sent[:-1], ";".join(sent.to)])
    return to.getvalue()


def _told(bodies: Iterable[bytes]) -> Iterator[Sent]:
    for body in bodies:
        for callback in _callbacks(body):
            message = callback.get("message")
            if isinstance(message, dict) and message.get("direction") == "out":
                yield Sent(
                    message["id"],
                    message["time"],
                    message["applicationId"],
                    message["from"],
                    message["to"],
                )


def _callbacks(body: bytes) -> list[dict[str, Any]]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    elements = found if isinstance(found, list) else [found]
    return [element for element in elements if isinstance(element, dict)]


def _is_missing(sent: Sent, until: datetime) -> bool:
    age = until - datetime.fromisoformat(sent.time)
    is_of_the_hour = timedelta(hours=8) < age < timedelta(hours=9)
    return sent.application_id == _REMINDERS and is_of_the_hour


def _of_others(draw: Random, told: Sequence[Sent]) -> Iterator[Sent]:
    """Yield messages like those that were told of, a second later."""
    for like in draw.sample(told, LOST_OF_OTHERS):
        time = datetime.fromisoformat(like.time) + timedelta(seconds=1)
        time_us = unix_us(time)
        yield like._replace(
            message_id=outbound_id(draw, time_us), time=written(time_us), to=like.to[:1]
        )


def _without_location(
    draw: Random, told: Sequence[Sent], until: datetime
) -> Iterator[Sent]:
    known = [sent.to for sent in told if sent.sender == traffic_senders.SHORT_CODE]
    for number in range(LOST_OF_IT):
        time_us = unix_us(until - timedelta(hours=5) + timedelta(minutes=3 * number))
        message_id = outbound_id(draw, time_us)
        to = draw.choice(known)[:1]
        yield Sent(message_id, written(time_us), WITHOUT_LOCATION, _SENDER, to)
