"""Gathering: many bodies in one record read the same as each in its own."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.outline import Element, outline
from streams.intake.lane import GATHERED_BYTES, Lane, Part, Ticket, gathered
from streams.topics import by_partition

PARTITIONS = 3

WHOLE = b'{"type":"message-failed","message":{"id":"%d"}}'
callbacks = st.integers(0, 20).map(lambda number: WHOLE % number)
hostile = st.sampled_from(
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"[[]]",
        b"{}",
        b"[{}]",
        b"5",
        b'"text"',
        b"[null,{},[]]",
        b"\xff",
        b"\xef\xbb\xbf[]",
        b"NaN",
        b"]",
        b"},{",
        b'[{"type":"message-failed","message":{"id":"1"}}],[',
        b'[[{"type":"message-failed","message":{"id":"1"}}]]',
        b'["\xff"]',
        b'["\\ud800"]',
        b'{"a":1,}',
        b"[1,]",
        b" [ 1 , 2 ] \n",
        b"[" * 90 + b"]" * 90,
        b"[" * 2000 + b"]" * 2000,
        b'{"a":' * 70 + b"1" + b"}" * 70,
    ]
)
arrays = st.lists(callbacks | hostile, max_size=4).map(
    lambda parts: b"[" + b",".join(parts) + b"]"
)
bodies = callbacks | arrays | hostile | st.binary(max_size=30)


def told(elements: Sequence[Element]) -> list[tuple[bytes, str | None, bool]]:
    """Keep what must not change: bytes, id, readable or not."""
    return [(e.content.strip(), e.message_id, e.problem is None) for e in elements]


def part_of(body: bytes, ticket: Ticket) -> Part:
    """Make the part of a body that goes to one partition whole."""
    return Part(outline(body), body, ticket)


def in_loop(check: Callable[[], None]) -> None:
    """Run a check where futures can be made."""

    async def run() -> None:
        check()

    asyncio.run(run())


def drain(lane: Lane) -> list[bytes]:
    """Take all records of a lane, and return their values."""
    values = []
    while parts := lane.next_parts():
        values.append(gathered(lane.partition, parts).value)
    return values


@given(st.lists(bodies, max_size=8))
def test_gathered_bodies_read_as_if_sent_alone(sent: list[bytes]) -> None:
    """Whatever the neighbours, every element keeps its bytes, its id and its fate."""

    def check() -> None:
        lanes = [Lane(partition) for partition in range(PARTITIONS)]
        wanted: dict[int, list[Element]] = {}
        for body in sent:
            groups = by_partition(outline(body), PARTITIONS)
            whole = body if len(groups) == 1 else None
            for partition, group in groups.items():
                part = Part(group, whole, Ticket(len(groups)))
                lanes[partition].waiting.append(part)
                wanted.setdefault(partition, []).extend(group)
        for lane in lanes:
            found = [element for value in drain(lane) for element in outline(value)]
            assert told(found) == told(wanted.get(lane.partition, []))

    in_loop(check)


@given(bodies)
def test_a_body_alone_is_sent_as_it_came(body: bytes) -> None:
    """Without neighbours not a byte is touched."""

    def check() -> None:
        lane = Lane(0)
        lane.waiting.append(part_of(body, Ticket(1)))
        assert drain(lane) == [body]

    in_loop(check)


def test_waiting_callbacks_become_one_record() -> None:
    """All that waits for a partition goes in one record, in its order."""

    def check() -> None:
        lane = Lane(0)
        lane.waiting.extend(part_of(WHOLE % n, Ticket(1)) for n in range(100))
        joined = b",".join(WHOLE % n for n in range(100))
        assert drain(lane) == [b"[" + joined + b"]"]

    in_loop(check)


def test_a_record_is_not_gathered_beyond_its_size() -> None:
    """Only a body that is larger by itself makes a larger record."""

    def check() -> None:
        lane = Lane(0)
        small = b'{"a":"' + b"x" * 1000 + b'"}'
        large = b'{"a":"' + b"x" * GATHERED_BYTES + b'"}'
        for body in [small] * 600 + [large] + [small] * 2:
            lane.waiting.append(part_of(body, Ticket(1)))
        values = drain(lane)
        assert [len(v) for v in values if len(v) > GATHERED_BYTES] == [len(large)]
        assert len(values) == 5
        assert sum(len(outline(value)) for value in values) == 603

    in_loop(check)


def deepest() -> bytes:
    """Make the most deeply nested body that can just be read alone."""
    for depth in range(5_000, 0, -1):
        body = b'{"a":' * depth + b"1" + b"}" * depth
        if outline(body)[0].is_json:
            return body
    raise AssertionError("no body can be read")


def test_a_deep_body_does_not_drown_its_neighbours() -> None:
    """An array around the deepest body there is would make all of it unreadable."""

    def check() -> None:
        lane = Lane(0)
        for body in [WHOLE % 1, deepest(), WHOLE % 2]:
            lane.waiting.append(part_of(body, Ticket(1)))
        found = [element for value in drain(lane) for element in outline(value)]
        assert [e.message_id for e in found if e.problem is None] == ["1", "2"]

    in_loop(check)


def test_what_was_answered_already_is_not_sent() -> None:
    """A request that was told 503 leaves nothing behind that waits."""

    def check() -> None:
        lane = Lane(0)
        tickets = [Ticket(1) for _ in range(3)]
        for number, ticket in enumerate(tickets):
            lane.waiting.append(part_of(WHOLE % number, ticket))
        tickets[0].done.cancel()
        tickets[1].done.cancel()
        assert drain(lane) == [WHOLE % 2]

    in_loop(check)


def test_a_request_ends_with_its_last_part() -> None:
    """Kafka has all parts of a body before it is answered."""

    def check() -> None:
        ticket = Ticket(2)
        ticket.acknowledge()
        assert not ticket.done.done()
        ticket.acknowledge()
        assert ticket.done.result() is None

    in_loop(check)


def test_a_request_fails_with_any_part() -> None:
    """One part that could not be sent fails the request, whatever the others do."""

    def check() -> None:
        ticket = Ticket(2)
        ticket.fail(ConnectionError("gone"))
        ticket.acknowledge()
        ticket.acknowledge()
        with pytest.raises(ConnectionError):
            ticket.done.result()

    in_loop(check)
