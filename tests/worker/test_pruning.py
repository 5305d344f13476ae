"""Pruning: old bytes go, everything else stays, and workers go on writing."""

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from streams.archive import schema, table
from streams.archive.pruning import Pruned, prune_raw
from tests.worker.logs import (
    BEGIN_MS,
    LOG,
    RULES,
    Record,
    archive,
    body,
    chunk,
    count,
    tables,
    take_over_partition,
)

DAY_MS = 86_400_000
OLD = datetime.fromtimestamp(BEGIN_MS / 1000, UTC).date()
EIGHT_DAYS = timedelta(days=8)


def archived(data_dir: Path, records: int = 30) -> None:
    """Archive records of three days by the worker's own code: every third is parked."""
    both = tables(data_dir)
    partition = take_over_partition(both, end=records)
    for day in range(3):
        part = range(day * records // 3, (day + 1) * records // 3)
        found = [
            Record(n, BEGIN_MS + day * DAY_MS, b"[{" if n % 3 else body(f"m{n}"))
            for n in part
        ]
        partition.take_in(chunk(found), RULES)
        archive(both, partition)


def rows(data_dir: Path) -> list[dict[str, Any]]:
    """Read table callbacks in the order of the log, by another reader than ours."""
    found = DeltaTable(str(schema.callbacks_path(data_dir))).to_pyarrow_table()
    order = [("kafka_offset", "ascending"), ("kafka_index", "ascending")]
    listed: list[dict[str, Any]] = found.sort_by(order).to_pylist()
    return listed


def test_only_old_bytes_are_gone(tmp_path: Path) -> None:
    """Younger bytes, problems, readable rows and the position are as they were."""
    archived(tmp_path)
    before = rows(tmp_path)

    pruned = prune_raw(tmp_path, OLD + timedelta(days=3), keep_days=2)

    assert pruned == (OLD + timedelta(days=1), 6, 0)
    expected = [
        row | {"raw": None} if row["received_date"] == OLD else row for row in before
    ]
    assert rows(tmp_path) == expected
    assert sum(row["raw"] is not None for row in expected) == 14
    assert table.callbacks(tmp_path).position(LOG.log_id, 0) == 30
    assert prune_raw(tmp_path, OLD + timedelta(days=3), keep_days=2).rows == 0
    assert rows(tmp_path) == expected


def test_worker_takes_over_what_was_pruned(tmp_path: Path) -> None:
    """Files written anew and files as they were give one memory and the same counts."""
    archived(tmp_path)
    counted = take_over_partition(tables(tmp_path), end=30).uncounted()
    prune_raw(tmp_path, OLD + timedelta(days=3), keep_days=1)

    both = tables(tmp_path)
    partition = take_over_partition(both, end=31)

    assert partition.uncounted().equals(counted)
    partition.take_in(chunk([Record(30, BEGIN_MS + 2 * DAY_MS, body("m27"))]), RULES)
    archive(both, partition)
    count(both, partition)
    assert [row["is_copy"] for row in rows(tmp_path)][-1] is True


def test_commits_go_on_beside_it(tmp_path: Path) -> None:
    """Neither side loses a row or is refused."""
    archived(tmp_path, records=300)
    writer = table.callbacks(tmp_path)
    names = [f"{LOG.log_id}/1"]

    def write(number: int) -> None:
        row = rows_of_today(number)
        writer.commit(row, {names[0]: number}, {names[0]: number + 1})

    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(lambda: [*map(write, range(25))])
        gone = [
            prune_raw(tmp_path, OLD + timedelta(days=days), keep_days=1).rows
            for days in (2, 3, 4)
        ]
        written.result()

    found = rows(tmp_path)
    assert gone == [66, 67, 67]
    assert len(found) == 325
    assert [row["raw"] for row in found if row["raw"] is not None] == [b"today"] * 25
    assert table.callbacks(tmp_path).position(LOG.log_id, 1) == 25


def rows_of_today(number: int) -> pa.Table:
    """Return one parked row that is too young to be pruned."""
    row = {
        "log_id": LOG.log_id,
        "kafka_partition": 1,
        "kafka_offset": number,
        "kafka_index": 0,
        "received_at": datetime(2036, 1, 1, tzinfo=UTC),
        "received_date": date(2036, 1, 1),
        "is_copy": False,
        "problem": "empty array",
        "raw": b"today",
    }
    return pa.Table.from_pylist([row], schema=schema.CALLBACKS)


def test_bytes_leave_the_disk_a_week_later(tmp_path: Path) -> None:
    """Replaced files stay for readers that began before, then they are removed."""
    archived(tmp_path)
    folder = schema.callbacks_path(tmp_path)
    prune_raw(tmp_path, OLD + timedelta(days=9), keep_days=1)
    assert len(list(folder.rglob("*.parquet"))) == 6

    let_a_week_pass(folder)
    pruned = prune_raw(tmp_path, OLD + timedelta(days=9), keep_days=1)

    assert (pruned.rows, pruned.files) == (0, 3)
    left = list(folder.rglob("*.parquet"))
    assert len(left) == 3
    assert len(rows(tmp_path)) == 30


def let_a_week_pass(folder: Path) -> None:
    """Date everything in a table's log eight days back."""
    then_ms = int((time.time() - EIGHT_DAYS.total_seconds()) * 1000)
    for entry in sorted((folder / "_delta_log").glob("*.json")):
        text = entry.read_text()
        for key in ("deletionTimestamp", "timestamp", "modificationTime"):
            text = dated(text, key, then_ms)
        entry.write_text(text)
    for file in folder.rglob("*.parquet"):
        os.utime(file, (then_ms / 1000, then_ms / 1000))


def dated(text: str, key: str, time_ms: int) -> str:
    """Replace the times of one key in a log entry."""
    head, *rest = text.split(f'"{key}":')
    return head + "".join(
        f'"{key}":{time_ms}{part.lstrip("0123456789")}' for part in rest
    )


def test_commit_is_made_again_when_files_were_rewritten_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Upkeep between a commit's check and its write costs a second try, no more."""
    archived(tmp_path)
    writer = table.callbacks(tmp_path)
    require = writer._require  # noqa: SLF001 - the moment between check and write
    pruned = list[Pruned]()

    def require_then_prune(before: Mapping[str, int]) -> None:
        require(before)
        if not pruned:
            pruned.append(prune_raw(tmp_path, OLD + timedelta(days=9), keep_days=1))

    monkeypatch.setattr(writer, "_require", require_then_prune)
    name = f"{LOG.log_id}/1"

    writer.commit(rows_of_today(0), {name: 0}, {name: 1})

    assert pruned[0].rows == 20
    assert len(rows(tmp_path)) == 31
    assert table.callbacks(tmp_path).position(LOG.log_id, 1) == 1


def test_nothing_is_made_where_there_is_no_archive(tmp_path: Path) -> None:
    """A wrong folder stays as it is."""
    assert prune_raw(tmp_path, OLD, keep_days=1)[1:] == (0, 0)
    assert list(tmp_path.iterdir()) == []
