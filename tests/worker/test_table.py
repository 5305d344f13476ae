"""A table is written exactly once: rows and positions, both or neither."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from streams.archive import schema, table

NAME = "log-1/0"


def one_row(offset: int) -> pa.Table:
    """Return a row of table callbacks."""
    row = {
        "log_id": "log-1",
        "kafka_partition": 0,
        "kafka_offset": offset,
        "kafka_index": 0,
        "received_at": datetime(2026, 5, 4, tzinfo=UTC),
        "received_date": date(2026, 5, 4),
        "is_copy": False,
    }
    return pa.Table.from_pylist([row], schema=schema.CALLBACKS)


def count_rows(data_dir: Path) -> int:
    """Count rows by the snapshot's own statistics."""
    found = DeltaTable(str(schema.callbacks_path(data_dir)))
    actions = pa.table(found.get_add_actions(flatten=True))
    return int(sum(actions["num_records"].to_pylist()))


def test_a_commit_adds_rows_and_moves_the_position(tmp_path: Path) -> None:
    """Whoever opens the table next sees both."""
    table.callbacks(tmp_path).commit(one_row(0), {NAME: 0}, {NAME: 1})

    assert table.callbacks(tmp_path).position("log-1", 0) == 1
    assert count_rows(tmp_path) == 1


def test_positions_of_another_log_are_its_own(tmp_path: Path) -> None:
    """A topic that was made again starts at 0."""
    table.callbacks(tmp_path).commit(one_row(0), {NAME: 0}, {NAME: 1})

    assert table.callbacks(tmp_path).position("log-2", 0) == 0


def test_a_commit_that_is_not_next_is_refused(tmp_path: Path) -> None:
    """A zombie that wakes up after another worker has committed writes nothing."""
    zombie, worker = table.callbacks(tmp_path), table.callbacks(tmp_path)
    worker.commit(one_row(0), {NAME: 0}, {NAME: 1})

    with pytest.raises(table.CommitRefusedError, match="log-1/0 is 1, not 0"):
        zombie.commit(one_row(0), {NAME: 0}, {NAME: 1})

    assert count_rows(tmp_path) == 1


def test_a_commit_between_check_and_write_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction itself catches a pause after the check."""
    zombie, worker = table.callbacks(tmp_path), table.callbacks(tmp_path)
    zombie.refresh()
    worker.commit(one_row(0), {NAME: 0}, {NAME: 1})
    monkeypatch.setattr(zombie, "refresh", lambda: None)  # it was paused after it

    with pytest.raises(table.CommitRefusedError, match="Concurrent transaction"):
        zombie.commit(one_row(0), {NAME: 0}, {NAME: 1})

    assert count_rows(tmp_path) == 1


def test_positions_move_without_rows(tmp_path: Path) -> None:
    """Counts of nothing but copies still move on."""
    table.callbacks(tmp_path).commit(
        schema.CALLBACKS.empty_table(), {NAME: 0}, {NAME: 7}
    )

    assert table.callbacks(tmp_path).position("log-1", 0) == 7
    assert count_rows(tmp_path) == 0


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    """A file in the way is an error of the archive, not of Python."""
    (tmp_path / "archive").write_text("in the way")

    with pytest.raises(table.CommitFailedOrUnknownError, match="archive"):
        table.callbacks(tmp_path)


def test_a_table_that_is_gone_says_so(tmp_path: Path) -> None:
    """Whatever delta-rs raises becomes one kind of error."""
    held = table.callbacks(tmp_path)
    for path in sorted(schema.callbacks_path(tmp_path).rglob("*"), reverse=True):
        path.rmdir() if stat.S_ISDIR(path.stat().st_mode) else path.unlink()

    with pytest.raises(table.CommitFailedOrUnknownError):
        held.commit(one_row(0), {NAME: 0}, {NAME: 1})


def test_a_table_that_is_made_at_the_same_time_is_opened(tmp_path: Path) -> None:
    """Of processes that find no table one makes it, and the others use it."""
    for number in range(20):
        together = threading.Barrier(4)

        def opened(folder: Path = tmp_path / str(number)) -> list[Any]:
            together.wait(60)  # noqa: B023 - it ends within the round
            return table.callbacks(folder).files()

        with ThreadPoolExecutor(4) as threads:
            found = [threads.submit(opened) for _ in range(4)]
            assert [each.result() for each in found] == [[]] * 4
