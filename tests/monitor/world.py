"""A monitor without Kafka: a real table under it, real messages into it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pyarrow as pa

from streams.core import publications, windows
from streams.core.publications import Head
from streams.monitor import api
from streams.monitor.answering import Answering
from streams.monitor.counts_table import CountsTable
from streams.monitor.live import Limits, Live, Log
from streams.monitor.streaming import Channels
from tests.sql.archive import LOG, NOON, Archive, Row, cell

HOURS = 26
MOST_ROWS = 5_000
CLIENTS = 3


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: datetime) -> None:
        """Begin at a time."""
        self.now = now

    def __call__(self) -> float:
        """Return seconds since 1970."""
        return self.now.timestamp()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


def numbers(rows: Iterable[Row]) -> pa.Table:
    """Write increments as cells of a message."""
    kept = [{name: row[name] for name in windows.CELLS.names} for row in rows]
    return windows.merge([pa.Table.from_pylist(kept, schema=windows.CELLS)])


class Monitor:
    """The monitor's parts, put together as its process does."""

    def __init__(self, archive: Archive, partitions: int = 1) -> None:
        """Begin over an archive; :meth:`load` reads it."""
        self.archive = archive
        self.clock = Clock(NOON + timedelta(minutes=30))
        self.table = CountsTable(archive.data_dir)
        self.live = Live(self.table, Log(LOG, partitions), Limits(HOURS, 100_000))
        self.live.signs._steady = self.clock  # noqa: SLF001 - time, as the test has it
        self.live.signs._wall = self.clock  # noqa: SLF001
        self.answering = Answering(self.live, MOST_ROWS)
        self.channels = Channels(self.answering, self.now, CLIENTS)
        inner = api.create_api(self.live, self.answering, self.channels)
        self.door = api.Door(inner, self.live, "127.0.0.1")
        self.offset = 0

    def now(self) -> datetime:
        """Return the time as the monitor has it."""
        return api.now(self.live)

    async def load(self) -> None:
        """Read the table; the topic was empty."""
        await self.live.load(None)
        self.live.expect({})

    def publish(  # noqa: PLR0913 - a message has as many parts
        self,
        rows: Iterable[Row],
        *,
        base: int,
        position: int,
        partition: int = 0,
        complete: bool = True,
        as_of: datetime | None = None,
    ) -> None:
        """Give the monitor a message."""
        head = Head(
            LOG,
            partition,
            base,
            position,
            complete,
            rules_version=1,
            as_of=None if as_of is None else round(as_of.timestamp() * 1000),
        )
        written_ms = round(self.clock() * 1000)
        for value in publications.encode(
            head, publications.encode_cells(numbers(rows))
        ):
            self.live.take_in(partition, self.offset, written_ms, value)
            self.offset += 1

    def client(self, **options: Any) -> httpx.AsyncClient:  # noqa: ANN401
        """Return a client of the API."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.door),
            base_url="http://127.0.0.1:8781",
            **options,
        )

    async def get(self, path: str, **params: Any) -> httpx.Response:  # noqa: ANN401
        """Ask the API."""
        async with self.client() as client:
            return await client.get(path, params=params or None)

    async def rows(self, **params: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """Return the rows of /api/rates."""
        answer = await self.get("/api/rates", **params)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["rows"]
        return found


def failed(events: int, **changed: Any) -> Row:  # noqa: ANN401
    """Make an increment of failures with code 4770."""
    return cell(events, **({"outcome": "failed", "error_code": 4770} | changed))
