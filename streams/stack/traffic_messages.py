"""One message → the events that the provider tells of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

from streams import reference
from streams.stack.traffic_incident import Incident
from streams.stack.traffic_people import Person, pick
from streams.stack.traffic_places import (
    VOLUME_EXCEEDED,
    VOLUME_EXCEEDED_BY_CARRIER,
    Place,
)
from streams.stack.traffic_senders import ANSWERED, Application
from streams.stack.traffic_wire import (
    HOUR_US,
    SECOND_US,
    Event,
    event,
    outbound_id,
    present,
    uuid,
    written,
)

RECEIPT_EXPIRED = 9902
RECEIPT_WAIT_US = 73 * HOUR_US

_MOST_RECIPIENTS = 4
_GROUP_SHARE = 0.25
_SEGMENTS = {1: 78, 2: 16, 3: 5, 4: 1}
_MINUTES_LATE, _HOURS_LATE = 0.03, 0.005
_MEDIA = "https://media.lumen.example/{}.png"
_RECEIVED_MEDIA = "https://messaging.bandwidth.com/api/v2/users/9900000/media/{}/0/{}"
_ANSWERS = ("STOP", "YES", "Y", "Thanks!", "Who is this?", "1", "On my way 👍")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it was sent.

    Attributes:
        time_us: When, Unix time in microseconds.
        application: Who sent it.
        place: The country it went to.
        recipients: Its destinations; more than one is a group MMS.
        is_mms: It carries media.
    """

    time_us: int
    application: Application
    place: Place
    recipients: list[Person]
    is_mms: bool


def sent(
    draw: Random,
    time_us: int,
    application: Application,
    place: Place,
    people: list[Person],
) -> Sent:
    """Draw a message of an application to people of a place."""
    is_mms = place.has_mms and draw.random() < application.mms
    is_group = is_mms and draw.random() < _GROUP_SHARE
    count = draw.randint(2, _MOST_RECIPIENTS) if is_group else 1
    recipients = draw.sample(people, min(count, len(people)))
    return Sent(time_us, application, place, recipients, is_mms)


def outbound_events(
    draw: Random, message: Sent, incident: Incident | None
) -> Iterator[Event]:
    """Yield what happens to a message, for each destination by itself.

    A receipt that never comes is told 73 hours after sending. So that the traffic of a
    day has some, the message of such an event is one of three days before.

    Args:
        draw: Where chance comes from.
        message: The message.
        incident: What goes wrong at its time and place, if anything does.
    """
    expires = draw.random() < message.place.expired
    shift_us = RECEIPT_WAIT_US if expires else 0
    fields = _message_fields(draw, message, message.time_us - shift_us)
    for person in message.recipients:
        if expires:
            yield _failed(message.time_us, fields, person, RECEIPT_EXPIRED)
        else:
            code = _error_code(draw, message.place, person.carrier, incident)
            yield from _attempt(draw, message, fields, person, code)


def inbound_event(draw: Random, time_us: int, person: Person) -> Event:
    """Return that a person wrote to one of our numbers."""
    to = draw.choice(ANSWERED)
    message_id = uuid(draw)
    names = ("0.smil", "IMG_4099.png") if draw.random() < 0.1 else ()  # noqa: PLR2004
    message = {
        "id": message_id,
        "owner": to,
        "applicationId": "5f0b5ae8-7a3c-4f6e-9c57-1d2a0f3f9d11",
        "time": written(time_us),
        "segmentCount": 1,
        "direction": "in",
        "to": [to],
        "from": person.number,
        "text": draw.choice(_ANSWERS),
        "media": [_RECEIVED_MEDIA.format(message_id, name) for name in names] or None,
    }
    fields = {
        "type": "message-received",
        "to": to,
        "description": "Incoming message received",
        "message": present(message),
    }
    return event(time_us + _microseconds(draw, 0.1, 0.3), fields)


def _message_fields(draw: Random, message: Sent, time_us: int) -> dict[str, object]:
    application = message.application
    sender = draw.choice(application.senders(message.place))
    tag = draw.choice(application.tags)
    channel = "MMS" if message.is_mms else "SMS"
    return present(
        {
            "id": outbound_id(draw, time_us),
            "owner": sender,
            "applicationId": application.application_id,
            "time": written(time_us),
            "segmentCount": 1 if message.is_mms else pick(draw, _SEGMENTS),
            "direction": "out",
            "to": [person.number for person in message.recipients],
            "from": sender,
            "text": "",
            "tag": tag,
            "media": [_MEDIA.format(tag)] if message.is_mms else None,
            "priority": application.priority,
            "channel": channel if application.channel else None,
        }
    )


def _error_code(
    draw: Random, place: Place, carrier: str, incident: Incident | None
) -> int | None:
    """Draw with which code an attempt fails; None if it arrives."""
    if (
        incident
        and incident.refuses(place.country, carrier)
        and draw.random() < incident.share
    ):
        return incident.error_code
    if draw.random() >= place.failed:
        return None
    code = pick(draw, place.codes)
    if code == VOLUME_EXCEEDED:
        return VOLUME_EXCEEDED_BY_CARRIER.get(carrier, code)
    return code


def _attempt(
    draw: Random,
    message: Sent,
    fields: Mapping[str, object],
    person: Person,
    code: int | None,
) -> Iterator[Event]:
    """Yield what is told of one message to one person, failed with a code or not."""
    handed_over_us = message.time_us + _microseconds(draw, 0.4, 0.5)
    if code is not None and not _is_carriers(code):
        # Refused by the provider itself: no carrier has seen it.
        yield _failed(handed_over_us, fields, person, code)
        return
    told: dict[str, object] = {
        "to": person.number,
        "carrierName": person.carrier,
        "message": fields,
    }
    if message.is_mms:
        text = "Message is sending to carrier"
        kind: dict[str, object] = {"type": "message-sending", "description": text}
        yield event(handed_over_us, kind | told)
    elif message.application.reports_sent:
        kind = {"type": "message-sent", "description": "Message sent to carrier"}
        yield event(handed_over_us, kind | told)
    final_us = handed_over_us + _receipt_us(draw, message.place)
    if code is not None:
        yield _failed(final_us, fields, person, code)
        return
    text = "Message delivered to carrier" if message.is_mms else "ok"
    kind = {"type": "message-delivered", "description": text}
    yield event(final_us, kind | told)


def _failed(
    time_us: int, fields: Mapping[str, object], person: Person, code: int
) -> Event:
    has_carrier = code == RECEIPT_EXPIRED or _is_carriers(code)
    callback = {
        "type": "message-failed",
        "to": person.number,
        "description": _slugs()[code],
        "errorCode": code,
        "carrierName": person.carrier if has_carrier else None,
        "message": fields,
    }
    return event(time_us, callback)


@cache
def _slugs() -> dict[int, str]:
    return {int(row["code"]): row["name"] for row in reference.table("error_codes")}


def _is_carriers(code: int) -> bool:
    """Tell whether a code comes from the carrier: 47xx and 56xx do."""
    return code // 100 in {47, 56}


def _receipt_us(draw: Random, place: Place) -> int:
    """Draw how long the receipt takes: seconds, now and then minutes or hours."""
    chance = draw.random()
    if chance < _HOURS_LATE:
        return int(draw.uniform(1, 9) * HOUR_US)
    if chance < _HOURS_LATE + _MINUTES_LATE:
        return _microseconds(draw, 240, 0.8)
    return _microseconds(draw, place.seconds, 0.8)


def _microseconds(draw: Random, median_seconds: float, spread: float) -> int:
    """Draw a lognormal duration: its median, and the deviation of its logarithm."""
    return int(draw.lognormvariate(0, spread) * median_seconds * SECOND_US)
