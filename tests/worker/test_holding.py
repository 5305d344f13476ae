"""The holding on real tables: commits, resets, and what it says when it cannot work."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from streams.topics import Log
from streams.worker.holding import Holding, Limits
from streams.worker.loading import Kafka
from streams.worker.takeover import Bounds
from streams.worker.watching import STUCK_SECONDS, Watch
from tests.worker import logs
from tests.worker.logs import BEGIN_MS, LOG, RULES, Record, body, chunk


class Broker:
    """Stands where Kafka's client is wired in: a log of one partition, and seeks."""

    def __init__(self, end: int, failures: int = 0) -> None:
        """Make a log with offsets below ``end``; fail that many questions first."""
        self.end = end
        self.failures = failures
        self.seeks: list[dict[int, int]] = []
        self.log = LOG
        self.begin = 0

    async def bounds(self, numbers: Iterable[int]) -> dict[int, Bounds]:
        """Return the offsets, or fail as aiokafka does."""
        if self.failures:
            self.failures -= 1
            raise TimeoutError
        return {number: Bounds(self.begin, self.end) for number in numbers}

    async def seek(self, positions: dict[int, int]) -> None:
        """Note where is fetched from."""
        self.seeks.append(positions)

    def holding(self, data_dir: Path, flush_rows: int = 1_000) -> Holding:
        """Wire a holding to this log."""
        kept = logs.Kept(records(0, self.end))
        kafka = Kafka(
            log=lambda: self.log,
            bounds=self.bounds,
            seek=self.seek,
            records=lambda: nullcontext(kept),
        )
        return Holding(data_dir, kafka, RULES, Limits(flush_rows, 1_000, 1 << 20))


def records(begin: int, end: int) -> list[Record]:
    """Return records of one callback each."""
    return [Record(o, BEGIN_MS + o, body(f"m{o}")) for o in range(begin, end)]


def archived(data_dir: Path) -> list[int]:
    """Return the archived offsets."""
    return sorted(row["kafka_offset"] for row in logs.rows(data_dir, "callbacks"))


async def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition on the event loop."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def test_what_was_taken_in_is_in_both_tables_at_the_end(tmp_path: Path) -> None:
    """Closing commits rows and counts; the next owner continues there."""
    broker = Broker(end=5)
    holding = broker.holding(tmp_path)
    await holding.assign([0])
    await holding.take_in(chunk(records(0, 5)))
    await holding.close()

    successor = broker.holding(tmp_path)
    await successor.assign([0])

    assert broker.seeks == [{0: 0}, {0: 5}]
    assert archived(tmp_path) == [0, 1, 2, 3, 4]
    assert sum(r["events"] for r in logs.rows(tmp_path, "window_counts")) == 5


async def test_a_partition_that_is_held_keeps_its_memory(tmp_path: Path) -> None:
    """Assigned again without a revocation, it goes on where it is."""
    broker = Broker(end=5)
    holding = broker.holding(tmp_path)
    await holding.assign([0])
    await holding.take_in(chunk(records(0, 3)))

    await holding.assign([0])

    assert broker.seeks[-1] == {0: 3}
    assert holding.positions() == {0: 0}


async def test_after_a_revocation_nothing_is_taken_in(tmp_path: Path) -> None:
    """What is still on its way belongs to somebody else."""
    holding = Broker(end=5).holding(tmp_path)
    await holding.assign([0])
    await holding.revoke()

    await holding.take_in(chunk(records(0, 5)))
    await holding.close()

    assert archived(tmp_path) == []
    assert holding.problem == "waiting for partitions"


async def test_missing_records_are_fetched_again(tmp_path: Path) -> None:
    """A chunk beyond the position moves the fetch back to it."""
    broker = Broker(end=9)
    holding = broker.holding(tmp_path)
    await holding.assign([0])

    await holding.take_in(chunk(records(3, 5)))

    assert broker.seeks == [{0: 0}, {0: 0}]


@pytest.mark.parametrize(
    ("ends", "position"),
    [
        pytest.param([4], 4, id="as far"),
        pytest.param([4, 6], 6, id="further"),
        pytest.param([2], 2, id="less far"),
    ],
)
async def test_a_refused_commit_goes_on_from_the_tables(
    ends: list[int], position: int, tmp_path: Path
) -> None:
    """Another worker has archived these records: each is there once, and so is m5."""
    broker = Broker(end=9)
    zombie, worker = broker.holding(tmp_path), broker.holding(tmp_path)
    for holding in (zombie, worker):
        await holding.assign([0])
    await zombie.take_in(chunk(records(0, 4)))
    for begin, end in pairwise([0, *ends]):
        await worker.take_in(chunk(records(begin, end)))
    await worker.close()

    flushing = asyncio.create_task(zombie.flush_for_ever(0.01, 3_600))
    await until(lambda: zombie.positions() == {0: position})
    again = [Record(o, BEGIN_MS + o, body("m1")) for o in range(position, 9)]
    await zombie.take_in(chunk(again))
    flushing.cancel()
    await zombie.close()

    assert archived(tmp_path) == list(range(9))
    copies = [
        r["kafka_offset"] for r in logs.rows(tmp_path, "callbacks") if r["is_copy"]
    ]
    assert sorted(copies) == list(range(position, 9))
    assert sum(r["events"] for r in logs.rows(tmp_path, "window_counts")) == position


async def test_over_a_rebalance_nothing_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition that comes back unmoved keeps what it remembers."""
    broker = Broker(end=9)
    holding = broker.holding(tmp_path)
    await holding.assign([0])
    await holding.take_in(chunk(records(0, 4)))
    await holding.revoke()
    assert holding.numbers == set()

    def read(*_: object) -> None:
        raise AssertionError("read")

    with monkeypatch.context() as patched:
        patched.setattr("streams.archive.recovering.Recovery._batches", read)
        await holding.assign([0])
    await holding.take_in(chunk([Record(4, BEGIN_MS + 4, body("m1"))]))
    await holding.close()

    assert [r["is_copy"] for r in logs.rows(tmp_path, "callbacks")].count(True) == 1


async def test_over_a_rebalance_only_what_is_missing_is_read(tmp_path: Path) -> None:
    """Somebody else held the partition meanwhile: what it archived is added."""
    broker = Broker(end=9)
    holding, other = broker.holding(tmp_path), broker.holding(tmp_path)
    await holding.assign([0])
    await holding.take_in(chunk(records(0, 4)))
    await holding.revoke()
    await other.assign([0])
    await other.take_in(chunk(records(4, 6)))
    await other.close()

    await holding.assign([0])

    taken = holding.partitions[0]
    assert (taken.remembered, taken.archived, len(taken.memory)) == (4, 6, 6)
    await holding.close()


async def test_a_full_flush_is_committed_before_its_time(tmp_path: Path) -> None:
    """Rows do not wait for the clock when they are many."""
    holding = Broker(end=4).holding(tmp_path, flush_rows=4)
    await holding.assign([0])
    flushing = asyncio.create_task(holding.flush_for_ever(3_600, 3_600))

    await holding.take_in(chunk(records(0, 4)))

    await until(lambda: holding.positions() == {0: 4})
    flushing.cancel()


async def test_taking_in_waits_while_too_much_is_uncommitted(tmp_path: Path) -> None:
    """Memory is bounded: the next chunk comes after the commit."""
    holding = Broker(end=20).holding(tmp_path, flush_rows=4)
    await holding.assign([0])
    taking = asyncio.create_task(holding.take_in(chunk(records(0, 10))))
    await asyncio.sleep(0)
    assert not taking.done()

    flushing = asyncio.create_task(holding.flush_for_ever(3_600, 3_600))
    await until(taking.done)

    assert holding.positions() == {0: 10}
    flushing.cancel()


async def test_an_archive_that_cannot_be_read_is_said_and_tried_again(
    tmp_path: Path,
) -> None:
    """A file in the way of the folder: not ready, then ready when it is gone."""
    in_the_way = tmp_path / "archive"
    in_the_way.write_text("x")
    holding = Broker(end=1).holding(tmp_path)

    assigning = asyncio.create_task(holding.assign([0]))
    await until(lambda: str(holding.problem).startswith("cannot read the archive"))
    in_the_way.unlink()
    await assigning

    assert holding.problem is None


async def test_an_archive_that_cannot_be_written_loses_nothing(tmp_path: Path) -> None:
    """It says so and is not ready; what it holds is committed when it can be."""
    broker = Broker(end=6)
    holding = broker.holding(tmp_path, flush_rows=1)
    await holding.assign([0])
    await holding.take_in(chunk([Record(0, BEGIN_MS, body("m0"))]))
    archive = tmp_path / "archive"
    archive.rename(tmp_path / "away")
    archive.write_text("x")

    flushing = asyncio.create_task(holding.flush_for_ever(0.01, 0.01))
    await until(lambda: str(holding.problem).startswith("cannot"))
    await holding.take_in(chunk(records(1, 6)))  # goes on, beyond twice a flush
    assert sum(cells["events"].to_pylist()[0] for cells in gained(holding)) == 6
    archive.unlink()
    (tmp_path / "away").rename(archive)
    await until(lambda: holding.positions() == {0: 6})
    await until(lambda: holding.problem is None)
    flushing.cancel()
    await holding.close()

    assert broker.seeks == [{0: 0}]
    assert archived(tmp_path) == list(range(6))
    assert sum(r["events"] for r in logs.rows(tmp_path, "window_counts")) == 6


async def test_an_archive_away_at_the_end_keeps_nobody_waiting(tmp_path: Path) -> None:
    """What cannot be committed stays in Kafka; the next owner takes it in."""
    broker = Broker(end=3)
    holding = broker.holding(tmp_path)
    await holding.assign([0])
    await holding.take_in(chunk(records(0, 3)))
    archive = tmp_path / "archive"
    archive.rename(tmp_path / "away")
    archive.write_text("x")

    await holding.close()

    archive.unlink()
    (tmp_path / "away").rename(archive)
    successor = broker.holding(tmp_path)
    await successor.assign([0])
    assert broker.seeks[-1] == {0: 0}
    assert archived(tmp_path) == []


async def test_rows_that_wait_are_bounded_by_their_bytes(tmp_path: Path) -> None:
    """While the archive cannot be written, taking in goes on until they are many."""
    holding = Broker(end=9_000).holding(tmp_path, flush_rows=1)
    await holding.assign([0])
    archive = tmp_path / "archive"
    archive.rename(tmp_path / "away")
    archive.write_text("x")
    flushing = asyncio.create_task(holding.flush_for_ever(0.01, 3_600))

    async def take_all_in() -> None:
        for begin in range(0, 9_000, 500):
            await holding.take_in(chunk(records(begin, begin + 500)))

    taking = asyncio.create_task(take_all_in())
    await until(lambda: holding.taken_in()[0] >= 1_000 and holding.problem)
    await until(lambda: waiting_bytes(holding) >= 1 << 20)
    position = holding.taken_in()[0]
    archive.unlink()
    (tmp_path / "away").rename(archive)
    await until(taking.done)
    await until(lambda: holding.positions() == {0: 9_000})
    flushing.cancel()

    assert position < 9_000
    assert archived(tmp_path) == list(range(9_000))


def waiting_bytes(holding: Holding) -> int:
    """Return the memory of rows that are not archived."""
    return holding._waiting()[1]  # noqa: SLF001


def gained(holding: Holding) -> list[Any]:
    """Return the increments that would be published."""
    return [cells for p in holding.partitions.values() for cells in p.gained()]


async def test_a_kafka_that_does_not_answer_is_asked_again(tmp_path: Path) -> None:
    """A takeover survives a broker that is away for a moment."""
    broker = Broker(end=1, failures=1)
    holding = broker.holding(tmp_path)

    await holding.assign([0])

    assert broker.seeks == [{0: 0}]
    assert holding.problem is None


async def test_kafka_away_is_not_ready(tmp_path: Path) -> None:
    """It is said once, and taken back when Kafka answers."""
    holding = Broker(end=1).holding(tmp_path)
    await holding.assign([0])

    holding.condition.cannot("kafka", "Kafka does not answer: TimeoutError()")
    assert str(holding.problem).startswith("Kafka does not answer")
    holding.condition.can("kafka")
    assert holding.problem is None


async def test_records_archived_during_a_takeover_are_no_loss(tmp_path: Path) -> None:
    """Kafka's end was asked for before another worker archived beyond it."""
    broker = Broker(end=6)
    other, holding = broker.holding(tmp_path), broker.holding(tmp_path)
    await other.assign([0])
    ask, first = broker.bounds, True

    async def archive_meanwhile(numbers: Iterable[int]) -> dict[int, Bounds]:
        nonlocal first
        if not first:
            return await ask(numbers)
        first = False
        await other.take_in(chunk(records(0, 5)))
        await other.close()
        return {0: Bounds(0, 3)}

    loading = holding._loading  # noqa: SLF001 - what it asks of Kafka
    loading._kafka = replace(loading._kafka, bounds=archive_meanwhile)  # noqa: SLF001
    await holding.assign([0])

    assert not holding.fatal.done()
    assert holding.positions() == {0: 5}


async def test_a_shorter_log_ends_the_worker(tmp_path: Path) -> None:
    """Nothing is written until somebody has looked."""
    broker = Broker(end=3)
    first = broker.holding(tmp_path)
    await first.assign([0])
    await first.take_in(chunk(records(0, 3)))
    await first.close()
    broker.end = 2

    second = broker.holding(tmp_path)
    await second.assign([0])

    assert "Kafka has lost records that are archived" in second.fatal.result()


async def test_a_chunk_that_cannot_be_taken_in_ends_the_worker(tmp_path: Path) -> None:
    """Half a chunk in memory would be wrong: only a fresh process is sure."""
    holding = Broker(end=3).holding(tmp_path)
    await holding.assign([0])
    broken: Any = [Record(0, BEGIN_MS, 7)]  # type: ignore[arg-type]

    with pytest.raises(AttributeError):
        await holding.take_in(chunk(broken))

    assert "offset 0 of partition 0 cannot be taken in" in holding.fatal.result()


@pytest.mark.parametrize(
    ("moves", "ends"),
    [pytest.param(False, True, id="stuck"), pytest.param(True, False, id="moves")],
)
async def test_records_that_wait_for_a_minute_end_the_worker(
    moves: bool,  # noqa: FBT001
    ends: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    """Whatever is stuck, a fresh process is not."""
    holding = Broker(end=9).holding(tmp_path)
    await holding.assign([0])
    watch = Watch(holding)
    watch.look({0: 9}, now=100)
    if moves:
        await holding.take_in(chunk(records(0, 2)))

    watch.look({0: 9}, now=100 + STUCK_SECONDS / 2)
    watch.look({0: 9}, now=100 + STUCK_SECONDS + 1)

    assert holding.fatal.done() is ends


async def test_nothing_to_fetch_is_not_stuck(tmp_path: Path) -> None:
    """A quiet night ends no worker."""
    holding = Broker(end=0).holding(tmp_path)
    await holding.assign([0])
    watch = Watch(holding)

    watch.look({0: 0}, now=100)
    watch.look({0: 0}, now=100 + 10 * STUCK_SECONDS)

    assert not holding.fatal.done()


@pytest.mark.parametrize("error", [MemoryError, ValueError, asyncio.CancelledError])
async def test_a_commit_that_fails_in_any_way_moves_no_position_without_rows(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends a commit, what it held is fetched again by the next owner."""
    broker = Broker(end=4)
    holding = broker.holding(tmp_path)
    await holding.assign([0])
    await holding.take_in(chunk(records(0, 4)))

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("streams.worker.committing.commit_rows", fail)
        try:
            await holding.revoke()
        except asyncio.CancelledError:
            assert error is asyncio.CancelledError
    await holding.close()

    successor = broker.holding(tmp_path)
    await successor.assign([0])
    assert successor.positions() == {0: 0}
    await successor.take_in(chunk(records(0, 4)))
    await successor.close()
    assert archived(tmp_path) == [0, 1, 2, 3]


async def test_a_cancelled_commit_holds_nothing_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled while it is written: only the tables know what is in them."""
    holding = Broker(end=4).holding(tmp_path)
    await holding.assign([0])
    await holding.take_in(chunk(records(0, 4)))
    started, go_on = Event(), Event()

    def slow(*_: object) -> None:
        started.set()
        go_on.wait(10)

    monkeypatch.setattr("streams.worker.committing.commit_rows", slow)
    revoking = asyncio.create_task(holding.revoke())
    await until(started.is_set)
    revoking.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await revoking

    assert holding.numbers == set()


async def test_a_chunk_that_was_half_taken_in_is_never_committed(
    tmp_path: Path,
) -> None:
    """After giving up nothing is written: a fresh process begins from the tables."""
    holding = Broker(end=4).holding(tmp_path)
    await holding.assign([0])
    await holding.take_in(chunk(records(0, 2)))
    broken: Any = [Record(2, BEGIN_MS, 7)]  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        await holding.take_in(chunk(broken))

    await holding.close()

    assert archived(tmp_path) == []


async def test_a_log_that_becomes_shorter_ends_the_worker(tmp_path: Path) -> None:
    """Kafka lost records that are taken in: they would never be fetched again."""
    holding = Broker(end=4).holding(tmp_path)
    await holding.assign([0])
    watch = Watch(holding)
    await holding.take_in(chunk(records(0, 4)))

    watch.look({0: 3}, now=1)

    assert "before the position 4 of this worker" in holding.fatal.result()


async def test_another_log_ends_the_worker(tmp_path: Path) -> None:
    """A topic that was deleted and made again has a log of its own."""
    broker = Broker(end=4)
    holding = broker.holding(tmp_path)
    await holding.assign([0])
    watch = Watch(holding)

    await watch.see_that_the_log_is(LOG)
    assert not holding.fatal.done()
    broker.log = Log("log-2", 1)
    await watch.see_that_the_log_is(LOG)

    assert "its log is log-2 now" in holding.fatal.result()


async def test_one_worker_takes_over_from_one_log_only(tmp_path: Path) -> None:
    """Records of the log before may be on their way: a fresh process has none."""
    broker = Broker(end=4)
    holding = broker.holding(tmp_path)
    await holding.assign([0])
    await holding.revoke()

    broker.log = Log("log-2", 1)
    await holding.assign([0])
    await holding.take_in(chunk(records(0, 4)))
    await holding.close()

    assert "its log is log-2 now" in holding.fatal.result()
    assert archived(tmp_path) == []


async def test_what_kafka_deleted_meanwhile_is_a_gap(tmp_path: Path) -> None:
    """Records not fetched yet are deleted: what is in memory is archived before."""
    broker = Broker(end=10)
    holding = broker.holding(tmp_path)
    await holding.assign([0])
    await holding.take_in(chunk(records(0, 3)))

    broker.begin = 6
    await holding.take_in(chunk(records(6, 8)))

    assert archived(tmp_path) == [0, 1, 2]
    assert holding.positions() == {0: 6}
    (gap,) = logs.rows(tmp_path, "gaps")
    assert (gap["from_offset"], gap["to_offset"]) == (3, 5)
    await holding.take_in(chunk(records(6, 8)))
    assert holding.taken_in() == {0: 8}


async def test_another_record_before_the_position_ends_the_worker(
    tmp_path: Path,
) -> None:
    """Kafka lost records and wrote others: one sentence says what can be done."""
    broker = Broker(end=3)
    holding = broker.holding(tmp_path)
    await holding.assign([0])
    await holding.take_in(chunk([Record(o, BEGIN_MS, body("old")) for o in range(3)]))
    await holding.close()

    holding = broker.holding(tmp_path)
    await holding.assign([0])

    assert "another record at offset 2 than the archive" in holding.fatal.result()
    assert "`undelivered work --accept-log-loss`" in holding.fatal.result()
    assert holding.numbers == set()
