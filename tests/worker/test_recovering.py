"""Several partitions taken over, whatever was saved, rewritten or cleaned up."""

import random
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from streams.archive.recovering import Recovery
from streams.core.positions import Span
from streams.topics import Log
from streams.worker.chunk import Chunk
from streams.worker.commits import commit_counts, commit_rows
from streams.worker.partition import Partition, take_in
from streams.worker.takeover import Bounds, take_over
from tests.worker import logs
from tests.worker.logs import BEGIN_MS, RULES, Record, body
from tests.worker.test_takeover import make_log, remembered

LOG = Log("log-1", 3)
NUMBERS = (0, 1, 2)


def taken_over(data_dir: Path) -> dict[int, Partition]:
    """Take all partitions over, as a fresh process does."""
    bounds = {number: Bounds(0, 60) for number in NUMBERS}
    return take_over(LOG, bounds, logs.tables(data_dir), RULES)


def advance(
    held: dict[int, Partition], topic: dict[int, list[Record]], ends: dict[int, int]
) -> None:
    """Take records in up to these ends."""
    found = []
    for number, end in ends.items():
        at = held[number].position
        records = topic[number][at:end]
        if records:
            found.append((held[number], Chunk(number, Span(at, end), records)))
    take_in(found, RULES)


def commit(both: logs.Tables, held: dict[int, Partition], *, counts: bool) -> None:
    """Commit what all partitions gained."""
    cuts = [cut for partition in held.values() if (cut := partition.cut())]
    if cuts:
        commit_rows(both, cuts)
    for cut in cuts:
        cut.partition.archive(cut)
    gains = [gain for p in held.values() if (gain := p.gain())] if counts else []
    if gains:
        commit_counts(both, gains)
    for gain in gains:
        gain.partition.count(gain)


def shake(callbacks: DeltaTable, draw: random.Random) -> None:
    """Put files together, or forget old entries of the table's log, or neither."""
    if draw.random() < 0.4:
        callbacks.optimize.compact()
    if draw.random() < 0.4:
        callbacks.create_checkpoint()
        folder = Path(callbacks.table_uri.removeprefix("file://")) / "_delta_log"
        version = callbacks.version()
        for entry in folder.glob("*.json"):
            if int(entry.stem) < version - draw.randrange(3):
                entry.unlink()


def uncounted(partition: Partition) -> Any:  # noqa: ANN401
    """Return the counts from Q to P, comparable."""
    return logs.cells(partition.uncounted().to_pylist())


@pytest.mark.parametrize("seed", range(5))
def test_a_takeover_finds_all_that_the_last_owner_knew(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory and counts of each partition, saved at its own time or never."""
    monkeypatch.setattr("streams.archive.recovering._ROWS_AT_ONCE", 3 + seed)
    draw = random.Random(seed)  # noqa: S311 - a test's choice
    topic = {number: make_log(draw) for number in NUMBERS}
    both = logs.tables(tmp_path)
    held = taken_over(tmp_path)
    saving = [number for number in NUMBERS if draw.random() < 0.7]
    for _ in range(12):
        ends = {p: min(60, held[p].position + draw.randrange(9)) for p in NUMBERS}
        advance(held, topic, ends)
        commit(both, held, counts=draw.random() < 0.4)
        for number in saving:
            if draw.random() < 0.3:
                logs.save(held[number])

    shake(DeltaTable(str(tmp_path / "archive" / "callbacks")), draw)
    taken = taken_over(tmp_path)

    for number, partition in taken.items():
        assert partition.standing.archived == held[number].standing.archived
        assert remembered(partition) == remembered(held[number])
        assert uncounted(partition) == uncounted(held[number])


def test_a_saved_memory_spares_the_reading_of_older_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only files that were added since are opened, however many there are."""
    draw = random.Random(5)  # noqa: S311 - a test's choice
    topic = {number: make_log(draw) for number in NUMBERS}
    both = logs.tables(tmp_path)
    held = taken_over(tmp_path)
    older: set[str] = set()
    for end in range(5, 45, 5):
        if end == 40:
            older = {file["path"] for file in logs.tables(tmp_path)[0].files(["path"])}
            for partition in held.values():
                logs.save(partition)
        advance(held, topic, dict.fromkeys(NUMBERS, end))
        commit(both, held, counts=True)
    opened: set[str] = set()
    batches = Recovery._batches  # noqa: SLF001

    def note(recovery: Recovery, path: str, *more: Any) -> Any:  # noqa: ANN401
        opened.add(path)
        return batches(recovery, path, *more)

    monkeypatch.setattr(Recovery, "_batches", note)
    taken = taken_over(tmp_path)

    assert {p.remembered for p in taken.values()} == {35}
    assert opened
    assert not opened & older


def test_a_partition_without_rows_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was added later has nothing to be looked for, in no file."""
    both = logs.tables(tmp_path)
    held = taken_over(tmp_path)
    draw = random.Random(5)  # noqa: S311 - a test's choice
    advance(held, {0: make_log(draw), 1: make_log(draw)}, {0: 30, 1: 30})
    commit(both, held, counts=True)
    logs.save(held[0])
    logs.save(held[1])

    def read(*_: object) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(Recovery, "_batches", read)
    taken = taken_over(tmp_path)

    assert [p.archived for p in taken.values()] == [30, 30, 0]
    assert remembered(taken[0]) == remembered(held[0])


def test_a_saved_partition_beside_a_new_one_misses_nothing(tmp_path: Path) -> None:
    """What is read for the new one, the newest files, is not all the other needs."""
    hour_ms = 3_600_000
    hours = {0: [0] * 20 + [117] * 20, 1: [0] * 5 + [80] * 15 + [112] * 10}
    topic = {
        number: [
            Record(o, BEGIN_MS + hour * hour_ms + o, body(f"p{number}m{o}"))
            for o, hour in enumerate(found)
        ]
        for number, found in hours.items()
    }
    both = logs.tables(tmp_path)
    held = taken_over(tmp_path)
    for ends in ({0: 5, 1: 5}, {0: 20, 1: 20}, {0: 40, 1: 30}):
        advance(held, topic, ends)
        commit(both, held, counts=True)
        if ends[1] == 5:
            logs.save(held[1])

    taken = taken_over(tmp_path)

    assert taken[1].remembered == 5
    assert len(taken[1].memory) == 25
    assert remembered(taken[1]) == remembered(held[1])
