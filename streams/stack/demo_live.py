"""The demo's last part: traffic goes on, and something begins to go wrong."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from time import monotonic

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from streams.monitor.watch import run as watch
from streams.monitor.watch.asking import Answer, Monitor
from streams.stack.console import say
from streams.stack.post import NotTakenError, Poster
from streams.stack.traffic_live import LIVE_INCIDENT, live
from streams.stack.up import Stack

SECONDS_ONCE = 12
MESSAGES_A_SECOND = 25
_VISIBLE_SECONDS = 60.0
_QUESTION = (
    ("since", "15m"),
    ("country", LIVE_INCIDENT.country),
    ("by", "carrier,error_code"),
    ("top", "1"),
)


@contextmanager
def going_on(to: Poster) -> Iterator[threading.Event]:
    """Post a second of traffic each second; the event is set when twelve are posted."""
    ending, shown = threading.Event(), threading.Event()
    poster = threading.Thread(target=_post, args=(to, ending, shown), name="traffic")
    poster.start()
    try:
        yield shown
    finally:
        ending.set()
        poster.join()


def show(stack: Stack, shown: threading.Event) -> bool:
    """Wait until the incident can be seen, then print it as a person would see it.

    Returns:
        Whether it was seen within a minute.
    """
    say(
        f"{MESSAGES_A_SECOND} messages a second go out; {LIVE_INCIDENT.carrier} in "
        f"{LIVE_INCIDENT.country} begins to refuse with {LIVE_INCIDENT.error_code} …"
    )
    shown.wait()
    with closing(Monitor(stack.monitor_address)) as monitor:
        answer = _seen(monitor)
    say("")
    watch.run(stack.monitor_address, once=True)
    words = "&".join(f"{name}={value}" for name, value in _QUESTION)
    say("")
    say(f"The same for programs: curl '{stack.rates_url}?{words}'")
    if answer is None:
        say(f"It cannot be seen yet: see {stack.output('monitor')}.")
        return False
    say(json.dumps(answer["rows"][0], indent=1, ensure_ascii=False))
    return True


def _seen(monitor: Monitor) -> Answer | None:
    """Ask until the incident leads the country's failures; None when it does not."""
    asking = Retrying(
        retry=retry_if_result(lambda answer: not _is_led_by_incident(answer)),
        stop=stop_after_delay(_VISIBLE_SECONDS),
        wait=wait_fixed(0.5),
    )
    try:
        return asking(monitor.rates, _QUESTION)
    except RetryError:
        return None


def _is_led_by_incident(answer: Answer) -> bool:
    leading = answer["rows"][:1]
    return any(
        row["error_code"] == LIVE_INCIDENT.error_code
        and row["carrier"] == LIVE_INCIDENT.carrier
        for row in leading
    )


def _post(to: Poster, ending: threading.Event, shown: threading.Event) -> None:
    began, wall = monotonic(), datetime.now(UTC)
    seconds = live(int(wall.timestamp()), wall, MESSAGES_A_SECOND)
    try:
        for second, bodies in enumerate(seconds, start=1):
            for body in bodies:
                to.post(body)
            if second == SECONDS_ONCE:
                shown.set()
            if ending.wait(max(0.0, began + second - monotonic())):
                return
    except (NotTakenError, OSError) as error:
        say(f"The traffic ends: {error}.")
    finally:
        shown.set()
