"""GET /api/stream: the rows of a query once a second, as server-sent events.

All clients with the same query share one channel, which works its rows out once a
second and keeps what changed for a minute: a client that comes back with the id of the
last event it has goes on from there. A client that does not read is cut off.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import uuid4

from fastapi.responses import Response

from streams import telemetry
from streams.monitor.answering import Answering, BusyError, TooMuchError, as_json
from streams.monitor.asked import BadParameterError, parse
from streams.telemetry import Receive, Scope, Send

EVERY_SECONDS = 1.0
MOST_ROWS = 5_000
# Events that a channel keeps, by number and by size.
_KEPT_EVENTS = 60
_KEPT_BYTES = 2 << 20
# A channel without clients lives on for those that come back.
_IDLE_SECONDS = 60.0
# No write to a client takes longer.
SLOW_SECONDS = 10.0

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)

Given = Sequence[tuple[str, str]]
Key = tuple[Any, ...]


class TooManyClientsError(Exception):
    """As many clients as allowed are being answered; the message says so."""


class Channel:
    """One query: its rows as they are now, and the last events."""

    def __init__(
        self, given: Given, answering: Answering, now: Callable[[], datetime]
    ) -> None:
        """Begin without rows; :meth:`step` makes the first event."""
        self._given = given
        self._answering = answering
        self._now = now
        self._name = uuid4().hex[:12]
        self._rows: dict[Key, bytes] = {}
        self._head: bytes = b""
        self._events: deque[tuple[int, bytes]] = deque()
        self._size = 0
        self._stepped = asyncio.Condition()
        self.number = 0
        self.clients = 0
        self.idle_since: float | None = None

    async def step(self) -> None:
        """Work the rows out, and make an event of what changed.

        Raises:
            TooMuchError: There are more rows than are streamed.
            BusyError: The table is being read for others.
        """
        query = parse(self._given, self._now())
        answer = await self._answering.answer(query, MOST_ROWS)
        names = ["window_start", *query.by, *(["is_other"] if query.top else [])]
        rows = {tuple(row[name] for name in names): as_json(row) for row in answer.rows}
        changed = [row for key, row in rows.items() if self._rows.get(key) != row]
        gone = [
            dict(zip(names, key, strict=True)) for key in self._rows if key not in rows
        ]
        self._head = as_json(answer.head)[1:]
        self._rows = rows
        async with self._stepped:
            self.number += 1
            self._keep(self._event("changes", changed, gone))
            self._stepped.notify_all()

    def _event(self, name: str, rows: Sequence[bytes], gone: Sequence[Any]) -> bytes:
        data = b'{"rows":[%b],"gone":%b,%b' % (
            b",".join(rows),
            as_json(gone),
            self._head,
        )
        place = f"{self._name}-{self.number}"
        return b"event: %b\nid: %b\ndata: %b\n\n" % (
            name.encode(),
            place.encode(),
            data,
        )

    def _keep(self, event: bytes) -> None:
        self._events.append((self.number, event))
        self._size += len(event)
        while len(self._events) > _KEPT_EVENTS or (
            self._size > _KEPT_BYTES and len(self._events) > 1
        ):
            self._size -= len(self._events.popleft()[1])

    def place_of(self, last_event_id: str | None) -> int | None:
        """Return the number of an event that is kept or the next one's; else None."""
        name, _, number = (last_event_id or "").rpartition("-")
        if name != self._name or not number.isdecimal() or len(number) > 18:  # noqa: PLR2004 - 64 bits
            return None
        return (
            int(number) if self._first() <= int(number) + 1 <= self.number + 1 else None
        )

    def _first(self) -> int:
        return self._events[0][0] if self._events else self.number + 1

    async def events(self, seen: int | None) -> AsyncIterator[bytes]:
        """Yield events: all rows, unless ``seen`` is one; then what changes.

        Ends when the next event is not kept any more: the reader was too slow.
        """
        if seen is None:
            seen = self.number
            yield self._event("all", list(self._rows.values()), [])
        while True:
            await self._until_after(seen)
            if self._first() > seen + 1:
                return
            waiting = [event for number, event in self._events if number > seen]
            seen = self.number
            for event in waiting:
                yield event

    async def _until_after(self, seen: int) -> None:
        async with self._stepped:
            await self._stepped.wait_for(lambda: self.number > seen)


class Client:
    """A client's place in a channel; to be closed."""

    def __init__(self, channel: Channel, seen: int | None) -> None:
        """Join."""
        self._channel = channel
        self._is_open = True
        self.events = channel.events(seen)
        channel.clients += 1
        channel.idle_since = None
        telemetry.STREAM_CLIENTS.inc()

    def close(self) -> None:
        """Leave."""
        if self._is_open:
            self._is_open = False
            self._channel.clients -= 1
            telemetry.STREAM_CLIENTS.dec()


class Channels:
    """All channels; one task steps them."""

    def __init__(
        self, answering: Answering, now: Callable[[], datetime], most_clients: int
    ) -> None:
        """Begin without any."""
        self._answering = answering
        self._now = now
        self._most_clients = most_clients
        self._channels: dict[Given, Channel] = {}
        self._joining = 0
        self.is_ending = asyncio.Event()

    async def join(self, given: Given, last_event_id: str | None) -> Client:
        """Return a new client of a query's channel.

        Raises:
            TooManyClientsError: There are as many clients as allowed.
            TooMuchError: The query has more rows than are streamed.
            BusyError: The table is being read for others.
        """
        count = sum(channel.clients for channel in self._channels.values())
        if count + self._joining >= self._most_clients:
            raise TooManyClientsError(
                f"{self._most_clients} clients are being streamed to, no more are "
                f"allowed: ask again later, or raise UNDELIVERED_MONITOR_CLIENTS."
            )
        key = tuple(sorted(given))
        self._joining += 1
        try:
            if (channel := self._channels.get(key)) is None:
                self._make_room()
                channel = Channel(key, self._answering, self._now)
                await channel.step()
                channel = self._channels.setdefault(key, channel)
            return Client(channel, channel.place_of(last_event_id))
        finally:
            self._joining -= 1

    def _make_room(self) -> None:
        """Keep no more channels than clients are allowed."""
        idle = [key for key, channel in self._channels.items() if not channel.clients]
        while len(self._channels) >= self._most_clients and idle:
            del self._channels[idle.pop(0)]

    async def run(self) -> None:
        """Step each channel once a second; never return."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + EVERY_SECONDS, loop.time())
            await asyncio.sleep(due - loop.time())
            for key, channel in list(self._channels.items()):
                if self._is_over(channel, loop.time()):
                    del self._channels[key]
                elif channel.clients:
                    # The next second, then; clients see that as_of stands still.
                    with suppress(BusyError, TooMuchError, BadParameterError):
                        await channel.step()
                await asyncio.sleep(0)

    @staticmethod
    def _is_over(channel: Channel, now: float) -> bool:
        if channel.clients:
            return False
        if channel.idle_since is None:
            channel.idle_since = now
        return now - channel.idle_since > _IDLE_SECONDS


class EventStream(Response):
    """Sends events until the client goes, is too slow, or the monitor ends."""

    media_type = "text/event-stream"

    def __init__(self, client: Client, is_ending: asyncio.Event) -> None:
        """Answer a client."""
        super().__init__(
            headers={"cache-control": "no-store", "x-accel-buffering": "no"}
        )
        del self.headers["content-length"]
        self._client = client
        self._is_ending = is_ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events; close the connection of a client that does not read."""
        tasks = [
            asyncio.ensure_future(self._send_all(send)),
            asyncio.ensure_future(_until_gone(receive)),
            asyncio.ensure_future(self._is_ending.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            self._client.close()
        is_gone, is_slow = tasks[1].done(), tasks[0].done()
        if is_slow:
            tasks[0].result()  # raises what went wrong, if it did
        if is_slow and not is_gone:
            telemetry.STREAMS_CUT_OFF.inc()
            scope["undelivered.abort"]()
        elif self._is_ending.is_set():
            await send({"type": "http.response.body", "body": b""})

    async def _send_all(self, send: Send) -> None:
        """Send events; return when the client does not keep up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SLOW_SECONDS):
                await send(
                    {
                        "type": "http.response.start",
                        "status": 200,
                        "headers": self.raw_headers,
                    }
                )
            async for event in self._client.events:
                async with asyncio.timeout(SLOW_SECONDS):
                    await send(
                        {
                            "type": "http.response.body",
                            "body": event,
                            "more_body": True,
                        }
                    )


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
