"""Saving what is remembered: by and by, and never with something missing."""

import asyncio
import shutil
from pathlib import Path

import pytest

from streams.worker import saving
from streams.worker.partition import Partition
from tests.worker import logs
from tests.worker.logs import BEGIN_MS, Record, body
from tests.worker.test_recovering import advance, commit, taken_over
from tests.worker.test_takeover import remembered

TOPIC = {
    number: [Record(o, BEGIN_MS + o, body(f"p{number}m{o}")) for o in range(60)]
    for number in range(3)
}


async def flush(
    data_dir: Path, saves: saving.Saving, held: dict[int, Partition], end: int
) -> None:
    """Take records in up to an offset, commit them, and save what is due."""
    advance(held, TOPIC, dict.fromkeys(held, end))
    commit(logs.tables(data_dir), held, counts=True)
    saves.look(held.values())
    await saves.finish()


def ends(held: dict[int, Partition]) -> list[int]:
    """Return where the segments of each partition lead to."""
    return [p.chain.end if p.chain else -1 for p in held.values()]


async def test_one_partition_after_the_other_is_saved_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is copied for that; afterwards only what entered since."""
    saves, held = saving.Saving(), taken_over(tmp_path)
    for number in range(1, 4):
        await flush(tmp_path, saves, held, number)
    assert ends(held) == [1, 2, 3]

    await flush(tmp_path, saves, held, 4)
    assert ends(held) == [1, 2, 3]
    monkeypatch.setattr(saving, "_EVENTS_BETWEEN", 5)
    await flush(tmp_path, saves, held, 5)
    assert ends(held) == [5, 5, 5]
    monkeypatch.setattr(saving, "SAVE_SECONDS", 0.0)
    await flush(tmp_path, saves, held, 6)
    assert ends(held) == [6, 6, 6]


async def test_rows_that_are_not_archived_yet_are_not_saved(tmp_path: Path) -> None:
    """A segment leads to P: what memory has seen beyond it is left out."""
    saves, held = saving.Saving(), taken_over(tmp_path)
    advance(held, TOPIC, dict.fromkeys(held, 4))
    commit(logs.tables(tmp_path), held, counts=True)
    advance(held, TOPIC, dict.fromkeys(held, 9))
    saves.look(held.values())
    await saves.finish()

    again = taken_over(tmp_path)

    assert [p.remembered for p in again.values()] == [4, None, None]
    assert [len(p.memory) for p in again.values()] == [4, 4, 4]


async def test_after_a_save_that_failed_nothing_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first partition cannot be written: the others are not written short."""
    saves, held = saving.Saving(), taken_over(tmp_path)
    for number in range(1, 4):
        await flush(tmp_path, saves, held, number)
    monkeypatch.setattr(saving, "SAVE_SECONDS", 0.0)
    folder = tmp_path / "archive" / "remembered" / "log-1" / "0"
    shutil.rmtree(folder)
    folder.write_text("in the way")
    await flush(tmp_path, saves, held, 20)
    assert ends(held) == [0, 0, 0]

    await flush(tmp_path, saves, held, 21)  # not again within a minute
    assert ends(held) == [0, 0, 0]
    monkeypatch.setattr(saving, "TRY_AGAIN_SECONDS", 0.0)
    folder.unlink()
    for number in range(22, 25):
        await flush(tmp_path, saves, held, number)
    await flush(tmp_path, saves, held, 25)

    again = taken_over(tmp_path)
    assert all(partition.remembered for partition in again.values())
    for number, partition in again.items():
        assert remembered(partition) == remembered(held[number])


async def test_a_save_goes_on_while_records_are_taken_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One at a time: a second one waits for its turn."""
    saves, held = saving.Saving(), taken_over(tmp_path)
    begun = asyncio.Event()
    going_on = asyncio.Event()

    async def slow(*_: object) -> None:
        begun.set()
        await going_on.wait()

    monkeypatch.setattr(asyncio, "to_thread", slow)
    advance(held, TOPIC, dict.fromkeys(held, 4))
    commit(logs.tables(tmp_path), held, counts=True)
    saves.look(held.values())
    await begun.wait()
    begun.clear()
    assert held[0].entered == []

    advance(held, TOPIC, dict.fromkeys(held, 6))
    commit(logs.tables(tmp_path), held, counts=True)
    saves.look(held.values())

    assert not begun.is_set()
    going_on.set()
    await saves.finish()
