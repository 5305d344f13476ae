"""Reading a body: how much, how long, how many bytes at once."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.intake.body import (
    BodyReader,
    GoneError,
    NoRoomError,
    TooLargeError,
    TooSlowError,
)

LIMIT, DRAIN, HELD = 10, 30, 25


def reader(timeout_seconds: float = 5.0) -> BodyReader:
    """Make a reader with small limits."""
    return BodyReader(
        max_bytes=LIMIT,
        drain_bytes=DRAIN,
        timeout_seconds=timeout_seconds,
        held_bytes=HELD,
    )


class Line:
    """A client that sends chunks, then its end, or nothing more, or goes away."""

    def __init__(self, *chunks: bytes, then: str = "end") -> None:
        """Line up what is sent."""
        self.chunks = list(chunks)
        self.then = then

    async def __call__(self) -> MutableMapping[str, Any]:
        """Give the next message as an ASGI server does."""
        if self.chunks:
            chunk = self.chunks.pop(0)
            is_last = not self.chunks and self.then == "end"
            return {"type": "http.request", "body": chunk, "more_body": not is_last}
        if self.then == "gone":
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError


@given(st.lists(st.binary(max_size=6), min_size=1))
def test_a_body_is_its_chunks_or_too_large(chunks: list[bytes]) -> None:
    """However it is cut into chunks, ten bytes are taken and eleven are not."""
    whole = b"".join(chunks)

    async def read() -> bytes:
        return await reader().read(Line(*chunks))

    if len(whole) <= LIMIT:
        assert asyncio.run(read()) == whole
    else:
        with pytest.raises(TooLargeError):
            asyncio.run(read())


async def test_a_body_that_is_too_large_is_read_on() -> None:
    """It is read to its end, or to the limit of what is read of it."""
    short, long = Line(*[b"12345"] * 5), Line(*[b"12345"] * 20)
    for line in (short, long):
        with pytest.raises(TooLargeError):
            await reader().read(line)

    assert short.chunks == []
    assert len(long.chunks) == 13


async def test_a_body_that_nobody_wants_is_read_to_its_end() -> None:
    """Draining says whether the connection can be used again."""
    assert await reader().drain(Line(b"12345", b"67890"))
    assert not await reader().drain(Line(*[b"12345"] * 20))
    assert not await reader(0.01).drain(Line(b"1", then="silence"))


async def test_a_body_that_does_not_come_is_too_slow() -> None:
    """The whole body has to come in time, not only its next byte."""
    with pytest.raises(TooSlowError):
        await reader(0.01).read(Line(b"1", then="silence"))


async def test_a_client_that_goes_away_is_gone() -> None:
    """Half a body is not taken for a whole one."""
    with pytest.raises(GoneError):
        await reader().read(Line(b"1", then="gone"))


async def test_bodies_together_are_bounded() -> None:
    """A body finds no room until another one is released."""
    bodies = reader()
    held = [await bodies.read(Line(b"x" * 10)) for _ in range(2)]
    with pytest.raises(NoRoomError):
        await bodies.read(Line(b"x" * 6))

    bodies.release(held[0])
    assert await bodies.read(Line(b"x" * 6)) == b"x" * 6


@pytest.mark.parametrize("then", ["gone", "silence", "end"])
async def test_a_body_that_failed_leaves_its_room(then: str) -> None:
    """However a request ends, its room is given back."""
    bodies = reader(0.01)
    for _ in range(20):
        with pytest.raises((GoneError, TooSlowError, TooLargeError)):
            await bodies.read(
                Line(b"x" * 9, b"x" * (2 if then == "end" else 1), then=then)
            )

    assert await bodies.read(Line(b"x" * 10)) == b"x" * 10


async def test_readers_can_be_hurried() -> None:
    """What is being read when the receiver ends has not its full time."""
    bodies = reader()
    reading = asyncio.create_task(bodies.read(Line(b"1", then="silence")))
    await asyncio.sleep(0)
    bodies.hurry(0.01)

    async with asyncio.timeout(1):
        with pytest.raises(TooSlowError):
            await reading
        with pytest.raises(TooSlowError):
            await bodies.read(Line(b"1", then="silence"))
