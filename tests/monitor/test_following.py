"""Totals are the table's sums and what was published since, whatever happens to it."""

from datetime import timedelta

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from streams.archive import schema
from streams.monitor.live import Live, Log
from tests.monitor.world import Monitor, failed
from tests.sql.archive import LOG, NOON, cell

DAY = timedelta(days=1)
OLD = NOON - 10 * DAY


async def total(monitor: Monitor) -> int:
    """Ask for everything that has failed since ever."""
    rows = await monitor.rows(since="all", by="outcome", outcome="failed")
    return sum(row["events"] for row in rows)


async def test_a_commit_of_the_table_does_not_change_totals(monitor: Monitor) -> None:
    """What was published becomes increments: nothing counts twice, nothing is gone."""
    monitor.archive.add_counts([failed(10)])
    await monitor.load()
    gained = [failed(5), failed(2, window_start=OLD)]
    monitor.publish(gained, base=100, position=150)
    assert await total(monitor) == 17

    committed = [dict(row, from_position=100, to_position=150) for row in gained]
    monitor.archive.add_counts(committed)
    await monitor.live._look()  # noqa: SLF001 - as its task does
    assert await total(monitor) == 17
    monitor.publish([failed(1, window_start=OLD)], base=150, position=160)
    assert await total(monitor) == 18
    assert monitor.live.positions() == {(LOG, 0): 160}


async def test_messages_ahead_of_the_table_wait_for_it(monitor: Monitor) -> None:
    """A newer base counts when the table has been read that far, not before."""
    monitor.archive.add_counts([failed(10)])
    await monitor.load()
    monitor.publish([failed(5)], base=100, position=150)
    monitor.publish([failed(3)], base=150, position=170)
    assert await total(monitor) == 15

    monitor.archive.add_counts([failed(5, from_position=100, to_position=150)])
    await monitor.live._look()  # noqa: SLF001
    assert await total(monitor) == 18


async def test_rewritten_files_change_nothing(monitor: Monitor) -> None:
    """Increments put together into other files are the same sums."""
    monitor.archive.add_counts([failed(10)])
    monitor.archive.add_counts([failed(4), failed(2, window_start=OLD)])
    await monitor.load()
    monitor.publish([failed(5)], base=100, position=150)

    rewrite(monitor, [failed(14), failed(2, window_start=OLD)])
    await monitor.live._look()  # noqa: SLF001

    assert await total(monitor) == 21


async def test_what_a_recount_made_right_is_right_here(monitor: Monitor) -> None:
    """Where rewritten files say another number, the totals say it, too."""
    monitor.archive.add_counts([failed(10), failed(7, window_start=OLD)])
    await monitor.load()

    rewrite(monitor, [failed(9), failed(8, window_start=OLD), cell(1)])
    await monitor.live._look()  # noqa: SLF001

    rows = await monitor.rows(since="all", window="1d", by="outcome")
    counted = [(row["window_start"], row["outcome"], row["events"]) for row in rows]
    assert counted == [
        ("2026-04-24T00:00:00Z", "failed", 8),
        ("2026-05-04T00:00:00Z", "failed", 9),
        ("2026-05-04T00:00:00Z", "delivered", 1),
    ]


async def test_rewriting_ahead_of_the_reader_counts_once(monitor: Monitor) -> None:
    """Files with increments beyond the base are put together with those below it."""
    monitor.archive.add_counts([failed(10)])
    await monitor.load()
    monitor.publish([failed(5)], base=100, position=150)
    monitor.archive.add_counts([failed(6, from_position=100, to_position=160)])
    await monitor.live._look()  # noqa: SLF001
    rewrite(monitor, [failed(16, to_position=160)])
    await monitor.live._look()  # noqa: SLF001
    assert await total(monitor) == 15

    monitor.publish([failed(2)], base=160, position=170)
    assert await total(monitor) == 18


def rewrite(monitor: Monitor, rows: list[dict[str, object]]) -> None:
    """Put other files in the place of all, positions as they are."""
    path = str(schema.window_counts_path(monitor.archive.data_dir))
    write_deltalake(
        path,
        pa.Table.from_pylist(rows, schema=schema.WINDOW_COUNTS),
        mode="overwrite",
        predicate="log_id = 'a-log'",
    )
    assert DeltaTable(path).transaction_version(f"{LOG}/0") is not None


async def test_another_table_in_its_place_is_read_from_its_start(
    monitor: Monitor,
) -> None:
    """A table with lower positions is not the one that was read."""
    monitor.archive.add_counts([failed(10)])
    monitor.archive.add_counts([failed(10, from_position=100, to_position=300)])
    await monitor.load()
    folder = schema.window_counts_path(monitor.archive.data_dir)
    folder.rename(folder.with_name("moved"))
    monitor.archive.add_counts([failed(3)])
    await monitor.live._look()  # noqa: SLF001

    assert await total(monitor) == 3


async def test_earlier_logs_stay_counted(monitor: Monitor) -> None:
    """The topic was made again: its table rows of before are in the totals."""
    monitor.archive.add_counts([failed(10, log_id="before"), failed(1)])
    await monitor.load()

    assert await total(monitor) == 11
    monitor.live.follow(Log("next", 1))
    assert monitor.live.as_of_ms() is None


async def test_hours_that_have_passed_are_read_of_the_table(monitor: Monitor) -> None:
    """What is let go of in memory is in the answer all the same."""
    monitor.archive.add_counts([failed(10), failed(3, window_start=NOON + DAY)])
    await monitor.load()
    monitor.publish([failed(5)], base=100, position=150)
    monitor.clock.wait(2 * 86_400)
    monitor.publish([failed(5)], base=100, position=150, complete=False)
    monitor.live.forget_old_hours()

    answer = (await monitor.get("/api/rates", since="2026-05-04", window="1d")).json()

    assert answer["sources"]["table"] is not None
    assert [row["failed"] for row in answer["rows"]] == [15, 3]


# --- Whether and how far --------------------------------------------------------------


async def test_as_of_is_the_least_of_all_partitions(monitor: Monitor) -> None:
    """Unknown while one has not told; then the one that is behind."""
    live = monitor.live
    live.follow(Log(LOG, 2))
    await monitor.load()
    monitor.publish([], base=0, position=5, as_of=NOON)
    assert live.as_of_ms() is None
    later = NOON + timedelta(seconds=9)
    monitor.publish([], base=0, position=0, partition=1, as_of=later)

    assert live.as_of_ms() == round(NOON.timestamp() * 1000)


async def test_as_of_outlives_the_messages_base(monitor: Monitor) -> None:
    """A worker committed its last counts and ended: what it told stays true."""
    monitor.archive.add_counts([failed(10, to_position=100)])
    await monitor.load()
    monitor.publish([failed(2)], base=50, position=90, as_of=NOON)

    assert monitor.live.as_of_ms() == round(NOON.timestamp() * 1000)
    assert monitor.live.unready() is None
    assert await total(monitor) == 10


async def test_as_of_beyond_what_is_counted_is_not_told(monitor: Monitor) -> None:
    """Of records that are in no total nothing is promised."""
    monitor.archive.add_counts([failed(10, to_position=100)])
    await monitor.load()
    monitor.publish([failed(2)], base=50, position=101, as_of=NOON)

    assert monitor.live.as_of_ms() is None


async def test_not_ready_until_all_that_the_topic_held_is_read(
    monitor: Monitor,
) -> None:
    """Up to the ends at the start, of every partition."""
    await monitor.live.load(None)
    assert monitor.live.unready() == "reading the topic window-counts"
    monitor.live.expect({0: 2})
    monitor.publish([], base=0, position=5)
    assert monitor.live.unready() == "reading the topic window-counts"
    assert (await monitor.get("/readyz")).status_code == 503
    assert (await monitor.get("/api/rates")).status_code == 503
    assert (await monitor.get("/api/stream")).status_code == 503
    monitor.publish([], base=0, position=5)

    assert monitor.live.unready() is None
    assert (await monitor.get("/readyz")).status_code == 200


async def test_waits_ten_minutes_for_a_complete_message(monitor: Monitor) -> None:
    """A worker told of more than the table has, and has not come back yet."""
    monitor.archive.add_counts([failed(10, to_position=100)])
    await monitor.load()
    monitor.publish([failed(2)], base=50, position=101)
    reason = monitor.live.unready()
    assert reason is not None
    assert "complete counts of partition 0" in reason

    monitor.clock.wait(601)
    assert monitor.live.unready() is None


async def test_a_silent_worker_is_said_and_since_when(monitor: Monitor) -> None:
    """as_of stands still; the answer says since when nobody has written."""
    live: Live = monitor.live
    live.follow(Log(LOG, 3))
    await monitor.load()
    for partition in (0, 1):
        monitor.publish([], base=0, position=5, partition=partition, as_of=NOON)
    monitor.clock.wait(4)
    assert live.problems() == []
    monitor.clock.wait(4)
    monitor.publish([], base=0, position=5, partition=1, as_of=NOON)

    answer = (await monitor.get("/api/rates")).json()

    silent, never = answer["problems"]
    assert silent == (
        "Nobody has written about partition 0 since 2026-05-04T12:30:00Z: the worker "
        "that counts them, or Kafka, is down."
    )
    assert never == "Nobody writes about partition 2: no worker counts them."


async def test_a_table_that_cannot_be_read_is_said(monitor: Monitor) -> None:
    """The totals stay; the next look may be better."""
    monitor.archive.add_counts([failed(10)])
    await monitor.load()
    monitor.archive.add_counts([failed(5, from_position=100, to_position=150)])
    folder = schema.window_counts_path(monitor.archive.data_dir)
    newest = max(folder.rglob("*.parquet"), key=lambda file: file.stat().st_mtime_ns)
    content = newest.read_bytes()
    newest.write_bytes(b"no parquet")

    await monitor.live._look()  # noqa: SLF001 - as its task does
    (problem,) = monitor.live.problems()
    assert "cannot be read" in problem
    assert await total(monitor) == 10

    newest.write_bytes(content)
    await monitor.live._look()  # noqa: SLF001
    assert monitor.live.problems() == []
