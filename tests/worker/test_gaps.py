"""What Kafka deleted before it was archived is known, each offset once."""

from pathlib import Path

import pytest

from streams.archive import gaps, table
from streams.core.positions import Span
from streams.worker.chunk import Chunk
from streams.worker.commits import commit_rows
from tests.worker import logs
from tests.worker.logs import BEGIN_MS, RULES, Record, body, chunk


def recorded(data_dir: Path) -> list[tuple[str, int, int, int]]:
    """Return the rows of table gaps, without their time."""
    return sorted(
        (row["log_id"], row["kafka_partition"], row["from_offset"], row["to_offset"])
        for row in logs.rows(data_dir, "gaps")
    )


def made(offset: int) -> Record:
    """Return the record of an offset."""
    return Record(offset, BEGIN_MS, body(f"m{offset}"))


def test_what_kafka_deleted_is_recorded_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The position is behind it from then on."""
    taken = logs.take_over_partition(logs.tables(tmp_path), 10, begin=4)

    assert (taken.position, taken.archived) == (4, 4)
    assert recorded(tmp_path) == [("log-1", 0, 0, 3)]
    assert "partition 0" in caplog.text
    assert "offsets 0 to 3 are lost" in caplog.text


def test_a_gap_is_recorded_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However often the partition is taken over, before and after the next commit."""
    for begin in (4, 4, 6):
        both = logs.tables(tmp_path)
        partition = logs.take_over_partition(both, 10, begin=begin)
    partition.take_in(chunk([made(6)]), RULES)
    logs.archive(both, partition)
    logs.take_over_partition(logs.tables(tmp_path), 10, begin=7)

    assert recorded(tmp_path) == [("log-1", 0, 0, 3), ("log-1", 0, 4, 5)]
    assert caplog.text.count("are lost") == 2


def test_a_worker_that_dies_before_it_records_leaves_it_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The position moved past the gap; which it was is in the same commit."""

    def dies(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(gaps, "_rows", dies)
        with pytest.raises(MemoryError):
            logs.take_over_partition(logs.tables(tmp_path), 10, begin=4)
    assert recorded(tmp_path) == []
    assert table.callbacks(tmp_path).position("log-1", 0) == 4

    # Kafka goes on deleting meanwhile
    logs.take_over_partition(logs.tables(tmp_path), 10, begin=6)

    assert recorded(tmp_path) == [("log-1", 0, 0, 3), ("log-1", 0, 4, 5)]


def test_what_a_gap_passed_is_not_archived_afterwards(tmp_path: Path) -> None:
    """A worker that was stopped had the records: its commit is refused."""
    its_tables = logs.tables(tmp_path)
    zombie = logs.take_over_partition(its_tables, 10)
    zombie.take_in(chunk([made(0), made(1)]), RULES)
    cut = zombie.cut()
    assert cut is not None

    logs.take_over_partition(logs.tables(tmp_path), 10, begin=4)

    with pytest.raises(table.CommitRefusedError):
        commit_rows(its_tables, [cut])
    assert logs.rows(tmp_path, "callbacks") == []


def test_nothing_is_recorded_where_nothing_is_missing(tmp_path: Path) -> None:
    """There is no table gaps until there is a gap."""
    logs.take_over_partition(logs.tables(tmp_path), 10)

    assert not (tmp_path / "archive" / "gaps").exists()


def test_offsets_without_records_are_no_gap(tmp_path: Path) -> None:
    """Markers of transactions: how many there were is kept with the position."""
    both = logs.tables(tmp_path)
    partition = logs.take_over_partition(both, 20)
    partition.take_in(chunk([made(0), made(3)], start=0), RULES)
    partition.take_in(Chunk(0, Span(4, 9), []), RULES)
    logs.archive(both, partition)
    assert table.callbacks(tmp_path).transactions()["log-1/0/empty"] == 7

    both = logs.tables(tmp_path)
    partition = logs.take_over_partition(both, 20)
    assert (partition.position, partition.empty, partition.last) == (9, 7, 3)
    partition.take_in(chunk([made(9), made(11)]), RULES)
    logs.archive(both, partition)

    found = table.callbacks(tmp_path).transactions()
    assert (found["log-1/0"], found["log-1/0/empty"], found["log-1/0/last"]) == (
        12,
        8,
        11,
    )
    assert not (tmp_path / "archive" / "gaps").exists()
