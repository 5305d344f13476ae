"""Events → bodies in the order in which the provider would post them."""

from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random
from typing import NamedTuple

from streams.stack.traffic_wire import HOUR_US, SECOND_US, Event

_RETRIED, _COPIED, _COPIED_LATE = 0.015, 0.034, 0.3
_LONGEST_RETRY_US, _LATEST_COPY_US = 2 * HOUR_US, 20 * HOUR_US
_SEVERAL, _MOST_IN_A_BODY = 0.02, 5
_MESSAGES_PER_UNREADABLE = 800


class _Post(NamedTuple):
    time_us: int
    content: bytes


def bodies_of(draw: Random, events: Iterable[Event], until_us: int) -> list[bytes]:
    """Return the bodies that are posted until a time, in the order they are posted.

    The provider tells an event within a second, retries what was not answered, and now
    and then tells an event again, soon or much later.
    """
    posts = [
        post
        for happened in events
        for post in _posts(draw, happened)
        if post.time_us <= until_us
    ]
    posts.sort()
    return list(_gathered(draw, [post.content for post in posts]))


def with_unreadable(draw: Random, bodies: list[bytes], messages: int) -> list[bytes]:
    """Return the bodies with some among them that nobody can read.

    Args:
        draw: Where chance comes from.
        bodies: N bodies, each a JSON array of callbacks.
        messages: How many messages the traffic has; of each 800 one is garbled, but at
            least one in every way that :func:`garbled` knows.
    """
    kinds = len(garbled(b"[{}]"))
    found = list(bodies)
    for each in range(max(kinds, messages // _MESSAGES_PER_UNREADABLE)):
        body = garbled(draw.choice(bodies))[each % kinds]
        found.insert(draw.randrange(len(found) + 1), body)
    return found


def garbled(body: bytes) -> tuple[bytes, ...]:
    """Return a body in each way in which it may arrive unreadable.

    Returns:
        A comma too many; cut short; not UTF-8; empty; a web form; a callback without
        its message; a receipt of another product.
    """
    return (
        body[:-2] + b",}]",
        body[: len(body) // 2],
        body[:-2] + b',"note":"caf\xe9"}]',
        b"",
        b"type=message-delivered&to=%2B12345678902",
        b'[{"type":"message-failed","errorCode":4720}]',
        b'{"msgId":"7d0f","errorCode":995,"errorMessage":"Undeliverable","numParts":1}',
    )


def _posts(draw: Random, happened: Event) -> Iterator[_Post]:
    time_us = happened.time_us + _seconds(draw, 0.2)
    if draw.random() < _RETRIED:
        time_us += draw.randrange(_LONGEST_RETRY_US)
    yield _Post(time_us, happened.content)
    if draw.random() < _COPIED:
        is_late = draw.random() < _COPIED_LATE
        after_us = draw.randrange(_LATEST_COPY_US) if is_late else _seconds(draw, 20)
        yield _Post(time_us + after_us, happened.content)


def _seconds(draw: Random, median: float) -> int:
    return int(draw.lognormvariate(0, 1) * median * SECOND_US)


def _gathered(draw: Random, contents: list[bytes]) -> Iterator[bytes]:
    """Yield arrays, most of one callback."""
    rest = iter(contents)
    while True:
        several = draw.random() < _SEVERAL
        count = draw.randint(2, _MOST_IN_A_BODY) if several else 1
        together = list(islice(rest, count))
        if not together:
            return
        yield b"[" + b",".join(together) + b"]"
