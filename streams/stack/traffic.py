"""Realistic traffic: what the provider would have posted over a day, from a seed.

Pure: the same seed and time give the same bytes. Read on in ``traffic_places`` and
``traffic_senders`` (who sends what where), ``traffic_incident`` (what goes wrong),
``traffic_messages`` (what happens to a message), ``traffic_posts`` (copies, order).
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from random import Random
from typing import Any

from streams import reference
from streams.core.countries import country_of
from streams.core.outcomes import Outcomes
from streams.stack.traffic_incident import INCIDENT, Incident
from streams.stack.traffic_messages import inbound_event, outbound_events, sent
from streams.stack.traffic_people import Person, people, pick
from streams.stack.traffic_places import PLACES, Place
from streams.stack.traffic_posts import bodies_of, with_unreadable
from streams.stack.traffic_senders import APPLICATIONS
from streams.stack.traffic_wire import HOUR_US, Event, unix_us

__all__ = ["INCIDENT", "Incident", "bodies", "summary"]

Cell = tuple[str, str, int | None]

_INBOUND = 0.05
_MESSAGES_PER_PERSON = 4
_FEWEST_PEOPLE = 20
# Where the incident will be, a campaign brings much of the day's traffic at its end.
_CAMPAIGN, _CAMPAIGN_HOURS = 0.3, 3


def bodies(
    seed: int, until: datetime, messages: int = 8_000, hours: int = 26
) -> list[bytes]:
    """Return the bodies that the provider posts, in its order.

    Args:
        seed: Any integer; another one gives other traffic.
        until: The end of the traffic; no event is later.
        messages: How many are sent or received; more than zero.
        hours: Over how long a time; more than the incident's hours.

    Returns:
        About 1.4 bodies a message, most an array of one callback. Among them are some
        copies of events, and a few bodies that cannot be read.

    Raises:
        ValueError: ``until`` has no zone.
    """
    draw = Random(seed)  # noqa: S311 - chance, not secrecy
    until_us = unix_us(until)
    events = list(_events(draw, until_us, messages, hours))
    posted = bodies_of(draw, events, until_us)
    return with_unreadable(draw, posted, messages)


def _events(draw: Random, until_us: int, messages: int, hours: int) -> Iterator[Event]:
    shares = {place: place.share for place in PLACES}
    known = {place: _people(draw, place, messages) for place in PLACES}
    applications = {application: application.share for application in APPLICATIONS}
    for _ in range(messages):
        place = pick(draw, shares)
        time_us = until_us - int(_age_hours(draw, place, hours) * HOUR_US)
        if draw.random() < _INBOUND:
            yield inbound_event(draw, time_us, draw.choice(known[place]))
            continue
        application = pick(draw, applications)
        message = sent(draw, time_us, application, place, known[place])
        has_begun = time_us >= until_us - INCIDENT.hours * HOUR_US
        yield from outbound_events(draw, message, INCIDENT if has_begun else None)


def _people(draw: Random, place: Place, messages: int) -> list[Person]:
    count = int(place.share / 100 * messages / _MESSAGES_PER_PERSON)
    return people(draw, place, max(_FEWEST_PEOPLE, count))


def _age_hours(draw: Random, place: Place, hours: int) -> float:
    """Draw how long before the end a message is sent."""
    in_campaign = place.country == INCIDENT.country and draw.random() < _CAMPAIGN
    return draw.uniform(0, min(hours, _CAMPAIGN_HOURS) if in_campaign else hours)


def summary(posted: Iterable[bytes]) -> Counter[Cell]:
    """Count the events of bodies by country, outcome and error code.

    Made without the worker's reader, so that its counts can be compared with these.

    Args:
        posted: Bodies; what is not readable is left out, copies are counted once.

    Returns:
        Events by destination country, outcome, and error code (None without one).
    """
    outcomes = Outcomes.from_rows(reference.table("outcomes"))
    found: Counter[Cell] = Counter()
    seen = set()
    for callback in _readable(posted):
        message, code = callback["message"], callback.get("errorCode")
        to, kind = callback.get("to"), callback["type"]
        identity = (message["id"], to, kind, message.get("channel"), code)
        if identity not in seen:
            seen.add(identity)
            found[country_of(to), outcomes.outcome(kind, code), code] += 1
    return found


def _readable(posted: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for body in posted:
        try:
            content = json.loads(body)
        except ValueError:
            continue
        for element in content if isinstance(content, list) else [content]:
            if _is_readable(element):
                yield element


def _is_readable(element: object) -> bool:
    if not isinstance(element, dict) or not isinstance(element.get("type"), str):
        return False
    message = element.get("message")
    if not isinstance(message, dict):
        return False
    return isinstance(message.get("id"), str) and bool(message["id"])
