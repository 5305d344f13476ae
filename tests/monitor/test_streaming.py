"""GET /api/stream over a real connection: what changes, who comes back, who is slow."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from streams.monitor import streaming
from streams.monitor.server import Server, listen
from tests.monitor.world import CLIENTS, Monitor, failed
from tests.sql.archive import NOON, cell

MINUTE = timedelta(minutes=1)
DEADLINE = 60


class Event(NamedTuple):
    """A server-sent event."""

    name: str
    place: str
    data: dict[str, Any]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second be a twentieth, and nobody be slow for longer than a second."""
    monkeypatch.setattr(streaming, "EVERY_SECONDS", 0.05)
    monkeypatch.setattr(streaming, "SLOW_SECONDS", 1.0)


@asynccontextmanager
async def served(monitor: Monitor) -> AsyncIterator[int]:
    """Serve the monitor on a port, as its process does; give the port."""
    server = Server(monitor.door, CLIENTS)
    with listen("127.0.0.1", 0) as listener:
        tasks = [
            asyncio.ensure_future(server.serve(sockets=[listener])),
            asyncio.ensure_future(monitor.channels.run()),
        ]
        try:
            yield listener.getsockname()[1]
        finally:
            monitor.channels.is_ending.set()
            server.should_exit = True
            await tasks[0]
            tasks[1].cancel()


@asynccontextmanager
async def stream(
    port: int, last: str | None = None, **params: str
) -> AsyncIterator[AsyncIterator[Event]]:
    """Open a stream; give its events."""
    headers = {} if last is None else {"last-event-id": last}
    async with (
        asyncio.timeout(DEADLINE),
        httpx.AsyncClient(timeout=DEADLINE) as client,
        client.stream(
            "GET",
            f"http://127.0.0.1:{port}/api/stream",
            params=params,
            headers=headers,
        ) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events(answer)


async def events(answer: httpx.Response) -> AsyncIterator[Event]:
    """Read events off a stream."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            yield Event(fields["event"], fields["id"], json.loads(fields["data"]))
            fields = {}


async def first_with_rows(stream_of_events: AsyncIterator[Event]) -> Event:
    """Return the next event that has rows, or says that some are gone."""
    async for event in stream_of_events:
        if event.data["rows"] or event.data["gone"]:
            return event
    raise AssertionError("the stream ended")


async def test_all_rows_come_first_then_what_changes(monitor: Monitor) -> None:
    """Only the row that changed, beside how far everything is."""
    monitor.archive.add_counts([failed(3), cell(5, country="MX")])
    await monitor.load()
    async with (
        served(monitor) as port,
        stream(port, since="2h", by="country") as live,
    ):
        first = await anext(live)
        idle = await anext(live)
        monitor.publish([failed(4)], base=100, position=110, as_of=NOON)
        changed = await first_with_rows(live)

    assert (first.name, first.data["gone"]) == ("all", [])
    counted = {row["country"]: row["finished"] for row in first.data["rows"]}
    assert counted == {"US": 3, "MX": 5}
    assert (idle.name, idle.data["rows"]) == ("changes", [])
    (row,) = changed.data["rows"]
    assert (row["country"], row["failed"]) == ("US", 7)
    assert changed.data["as_of"] == "2026-05-04T12:00:00.000Z"
    assert set(changed.data) - {"gone"} == set((await monitor.get("/api/rates")).json())


async def test_rows_that_are_no_more_are_named(monitor: Monitor) -> None:
    """The period moves on; its first window leaves it."""
    monitor.archive.add_counts([failed(3), failed(5, window_start=NOON + MINUTE)])
    await monitor.load()
    async with (
        served(monitor) as port,
        stream(port, since="30m", window="1m", by="country") as live,
    ):
        assert len((await anext(live)).data["rows"]) == 2
        monitor.clock.wait(60)
        gone = (await first_with_rows(live)).data["gone"]

    assert gone == [{"window_start": "2026-05-04T12:00:00Z", "country": "US"}]


async def test_who_comes_back_goes_on_from_there(monitor: Monitor) -> None:
    """With the id of the last event it has, it gets what it missed, and not all."""
    monitor.archive.add_counts([failed(3)])
    await monitor.load()
    async with served(monitor) as port:
        async with stream(port, since="2h") as live:
            last = (await anext(live)).place
        monitor.publish([failed(4)], base=100, position=110)
        async with stream(port, since="2h") as other:
            await first_with_rows(other)
            async with stream(port, last, since="2h") as live:
                missed = await first_with_rows(live)
            for lost in (f"{last}9", "another-1", "", "-", "x" * 300):
                async with stream(port, lost, since="2h") as live:
                    assert (await anext(live)).name == "all"

    assert missed.name == "changes"
    assert [row["failed"] for row in missed.data["rows"]] == [7]


async def test_as_many_clients_as_allowed_are_answered(monitor: Monitor) -> None:
    """One more is told so; when one has gone, there is room again."""
    await monitor.load()
    async with served(monitor) as port:
        async with stream(port) as one, stream(port, by="country") as two:
            await anext(one)
            await anext(two)
            async with stream(port) as three:
                await anext(three)
                answer = await monitor.get("/api/stream")
                assert answer.status_code == 503
                assert answer.json()["error"].startswith(f"{CLIENTS} clients are")
                assert answer.headers["retry-after"] == "1"
            await until_clients_are(monitor, 2)
            async with stream(port) as three:
                await anext(three)
        await until_clients_are(monitor, 0)


async def until_clients_are(monitor: Monitor, count: int) -> None:
    """Wait until so many clients are being answered."""
    channels = monitor.channels._channels.values  # noqa: SLF001
    async with asyncio.timeout(DEADLINE):
        while sum(channel.clients for channel in channels()) != count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_who_does_not_read_is_cut_off(monitor: Monitor) -> None:
    """What waits for it is one event, and its connection is closed."""
    monitor.archive.add_counts(
        [failed(1, window_start=NOON - k * MINUTE, carrier=c) for k in range(900)
         for c in ("a", "b", "c", "d")]
    )  # fmt: skip
    await monitor.load()
    async with served(monitor) as port:
        with socket.socket() as idle:
            idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            idle.setblocking(False)  # noqa: FBT003
            loop = asyncio.get_running_loop()
            await loop.sock_connect(idle, ("127.0.0.1", port))
            await loop.sock_sendall(
                idle,
                b"GET /api/stream?since=24h&window=1m&by=carrier HTTP/1.1\r\n"
                b"host: localhost\r\n\r\n",
            )
            await until_clients_are(monitor, 1)
            await until_clients_are(monitor, 0)
            with pytest.raises(ConnectionResetError):
                await read_to_the_end(idle)
        async with stream(port, since="2h") as live:
            assert (await anext(live)).name == "all"


async def read_to_the_end(connection: socket.socket) -> None:
    """Read until the other side ends."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(DEADLINE):
        while await loop.sock_recv(connection, 1 << 16):
            pass


async def test_more_rows_than_are_streamed_are_refused(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the stream begins, with what to do."""
    monkeypatch.setattr(streaming, "MOST_ROWS", 1)
    monitor.archive.add_counts([failed(1), cell(1, country="MX")])
    await monitor.load()

    answer = await monitor.get("/api/stream", by="country", since="2h")

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("The answer would have 2 rows, 1 are")


async def test_streams_end_with_the_monitor(monitor: Monitor) -> None:
    """At once, and whole: the client can tell it from a broken connection."""
    await monitor.load()
    async with served(monitor) as port, stream(port) as live:
        await anext(live)
        monitor.channels.is_ending.set()
        async with asyncio.timeout(DEADLINE):
            assert [event.name async for event in live].count("all") == 0


async def test_a_channel_without_clients_ends(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lives on for a while for those that come back, not for ever."""
    monkeypatch.setattr(streaming, "_IDLE_SECONDS", 0.2)
    await monitor.load()
    async with served(monitor) as port:
        async with stream(port) as live:
            await anext(live)
        async with asyncio.timeout(DEADLINE):
            while monitor.channels._channels:  # noqa: ASYNC110, SLF001
                await asyncio.sleep(0.01)
