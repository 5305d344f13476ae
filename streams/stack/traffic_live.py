"""Traffic second by second, in which an incident begins and grows."""

import heapq
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from random import Random

from streams.stack.traffic_incident import Incident
from streams.stack.traffic_messages import outbound_events, sent
from streams.stack.traffic_people import people, pick
from streams.stack.traffic_places import PLACES
from streams.stack.traffic_senders import APPLICATIONS
from streams.stack.traffic_wire import SECOND_US, unix_us

LIVE_INCIDENT = Incident("MX", "Telcel", error_code=4750, hours=0.0, share=0.9)
# After this many seconds the incident is as large as it becomes.
GROWS_SECONDS = 60
_PEOPLE = 200


def live(seed: int, began: datetime, messages_a_second: int) -> Iterator[list[bytes]]:
    """Yield, for each second from a time on, the bodies that the provider posts in it.

    Pure: the same arguments give the same bytes. Without an end.

    Args:
        seed: Any integer; another one gives other traffic.
        began: When the first second begins.
        messages_a_second: How many are sent.

    Raises:
        ValueError: ``began`` has no zone.
    """
    draw = Random(seed)  # noqa: S311 - chance, not secrecy
    shares = {place: place.share for place in PLACES}
    known = {place: people(draw, place, _PEOPLE) for place in PLACES}
    applications = {application: application.share for application in APPLICATIONS}
    second_us = unix_us(began)
    due: list[tuple[int, bytes]] = []
    grown = 0.0
    while True:
        incident = replace(LIVE_INCIDENT, share=LIVE_INCIDENT.share * min(1.0, grown))
        for _ in range(messages_a_second):
            place = pick(draw, shares)
            time_us = second_us - draw.randrange(SECOND_US)
            application = pick(draw, applications)
            message = sent(draw, time_us, application, place, known[place])
            for happened in outbound_events(draw, message, incident):
                heapq.heappush(due, (happened.time_us, b"[" + happened.content + b"]"))
        second_us += SECOND_US
        grown += 1 / GROWS_SECONDS
        bodies = []
        while due and due[0][0] < second_us:
            bodies.append(heapq.heappop(due)[1])
        yield bodies
