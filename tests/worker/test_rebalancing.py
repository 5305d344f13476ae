"""Faust's own recovery with our consumer, and rebalances that overlap; no broker."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from aiokafka.consumer.fetcher import FetchError
from faust.types import TP

from streams.settings import load
from streams.worker.app import WorkerApp, create_app
from streams.worker.fetching import fetched_chunks
from streams.worker.transport import ChunkConsumer

if TYPE_CHECKING:
    from faust.tables.manager import TableManager

PARTITIONS = {TP("callbacks", 0), TP("callbacks", 1)}
SECONDS = 60.0


class World:
    """A worker's application whose partitions are assigned by the test."""

    def __init__(self, app: WorkerApp) -> None:
        """Hold nothing; every takeover waits until it may end."""
        self.app = app
        self.taken: list[set[int]] = []
        self.taking = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def assign(self, numbers: Iterable[int]) -> None:
        """Take over, as the holding does."""
        self.taking.set()
        await self.may_end.wait()
        self.taken.append(set(numbers))

    async def revoke(self) -> None:
        """Give everything away."""

    async def begin_rebalance(self) -> None:
        """Do what aiokafka's rebalance listener does before partitions are given."""
        self.app.on_rebalance_start()
        await self.app.chunk_consumer.on_partitions_revoked(PARTITIONS)

    async def end_rebalance(self, generation: int) -> None:
        """Do what it does after partitions were assigned."""
        self.app.consumer_generation_id = generation
        await self.app.chunk_consumer.on_partitions_assigned(PARTITIONS, generation)

    def flows(self) -> bool:
        """Return whether records flow and no rebalance is thought to go on."""
        return self.app.chunk_consumer.flow_active and not self.app.rebalancing

    async def until_records_flow(self) -> None:
        """Wait until Faust has let them."""
        async with asyncio.timeout(SECONDS):
            await self.app.chunk_consumer.can_resume_flow.wait()


@pytest.fixture
async def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """Return an application whose recovery runs, and whose consumer is not started."""
    app = create_app(load(data_dir=tmp_path), "127.0.0.1:1")
    made = World(app)
    app.holding = made  # type: ignore[assignment]
    app.finalize()
    monkeypatch.setattr(ChunkConsumer, "assignment", lambda _: PARTITIONS)

    async def nothing(*_: object) -> None:
        """Do without Kafka."""

    monkeypatch.setitem(vars(app), "_fetcher", SimpleNamespace(maybe_start=nothing))
    monkeypatch.setattr(app, "_producer_flush", nothing)
    recovery = cast("TableManager", app.tables).recovery
    await recovery.start()
    yield made
    await recovery.stop()
    app.chunk_consumer._thread.thread_loop.close()  # noqa: SLF001 - it never ran


async def test_records_flow_after_an_assignment(world: World) -> None:
    """Faust resumes the flow when the partitions are taken over."""
    await world.begin_rebalance()
    assert not world.flows()

    await world.end_rebalance(1)
    await world.until_records_flow()

    assert world.taken == [{0, 1}]
    assert world.flows()


async def test_a_rebalance_during_a_takeover_is_not_taken_for_over(
    world: World,
) -> None:
    """What it stopped stays so until its own assignment, which goes on as usual."""
    await world.begin_rebalance()
    world.may_end.clear()
    await world.end_rebalance(1)
    async with asyncio.timeout(SECONDS):
        await world.taking.wait()
    await world.begin_rebalance()

    world.may_end.set()
    for _ in range(100):  # Faust's task has ended long before
        await asyncio.sleep(0)

    assert world.taken == [{0, 1}]
    assert not world.app.chunk_consumer.flow_active
    assert world.app.rebalancing
    await world.end_rebalance(2)
    await world.until_records_flow()
    assert world.flows()


async def test_nothing_flows_during_the_first_takeover(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who had no partition has nothing to stop, but takes over like any other."""
    monkeypatch.setattr(ChunkConsumer, "assignment", lambda _: set())
    await world.begin_rebalance()
    monkeypatch.setattr(ChunkConsumer, "assignment", lambda _: PARTITIONS)
    world.may_end.clear()

    await world.end_rebalance(1)
    async with asyncio.timeout(SECONDS):
        await world.taking.wait()

    assert not world.app.chunk_consumer.flow_active
    world.may_end.set()
    await world.until_records_flow()


async def test_what_comes_when_the_flow_was_stopped_is_left_to_be_taken_later() -> None:
    """It would be thrown away, and nobody fetches it again until more comes."""
    loop, flows = asyncio.get_running_loop(), [True]
    waits: list[asyncio.Future[None]] = []

    def wait() -> asyncio.Future[None]:
        waits.append(loop.create_future())
        return waits[-1]

    records: dict[TP, FetchError] = {}
    fetcher = SimpleNamespace(
        _closed=False,
        _records=records,
        _subscriptions=SimpleNamespace(reassignment_in_progress=False),
        _create_fetch_waiter=wait,
    )
    fetching = asyncio.ensure_future(
        fetched_chunks(fetcher, PARTITIONS, SECONDS, None, lambda: flows[0])
    )
    await asyncio.sleep(0)
    fetched = FetchError(error=AssertionError("it was taken"), backoff=0.1)
    records[TP("callbacks", 0)] = fetched
    flows[0] = False

    waits[0].set_result(None)

    assert await fetching == {}
    assert list(records.values()) == [fetched]
