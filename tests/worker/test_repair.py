"""After a power failure: what was not on the disk is taken back and read again."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from streams.archive import durable, schema, syncing, table, transactions
from streams.archive.presence import Presence
from streams.archive.repair import NotInTopicError, Repair, UnrepairableError
from streams.settings import ConfigurationError, load
from streams.worker import accepting, starting
from streams.worker.takeover import Bounds
from tests.worker import logs
from tests.worker.logs import BEGIN_MS, LOG, RULES, Record, body, chunk

RECORDS = [Record(o, BEGIN_MS + o, body(f"m{o % 7}")) for o in range(9)]
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
# Version 1 of table callbacks numbers the life, then three records a version.
LAST = 4


def archive(data_dir: Path, *, count_each: bool = False) -> None:
    """Archive all records from the position on, three a commit; then count them."""
    both = logs.tables(data_dir)
    partition = logs.take_over_partition(both, len(RECORDS))
    while partition.position < len(RECORDS):
        at = partition.position
        partition.take_in(chunk(RECORDS[at : at + 3]), RULES)
        logs.archive(both, partition)
        if count_each:
            logs.count(both, partition)
    if partition.archived > partition.counted:
        logs.count(both, partition)


def result(data_dir: Path) -> tuple[list[Any], list[Any]]:
    """Return what both tables hold."""
    rows = logs.rows(data_dir, "callbacks")
    places = sorted((r["kafka_offset"], r["is_copy"]) for r in rows)
    return places, logs.cells(logs.rows(data_dir, "window_counts"))


def entry(folder: Path, version: int) -> Path:
    """Return the log entry of a version."""
    return folder / "_delta_log" / f"{version:020d}.json"


def data_file(folder: Path, version: int) -> Path:
    """Return the file that a version added."""
    old = set(DeltaTable(str(folder), version=version - 1).file_uris())
    (new,) = set(DeltaTable(str(folder), version=version).file_uris()) - old
    return Path(new.removeprefix("file://"))


def emptied(path: Path) -> None:
    """Leave a file without its bytes."""
    path.write_bytes(b"")


def halved(path: Path) -> None:
    """Leave the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_last_line(path: Path) -> None:
    """Cut a file where a line ends: what is left can be read."""
    path.write_bytes(b"\n".join(path.read_bytes().splitlines()[:-1]))


def zeroed(path: Path) -> None:
    """Leave a file as long as it was, and zeros in its second half."""
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:half] + bytes(len(content) - half))


def zeroed_within(path: Path) -> None:
    """Leave beginning and end of a file, and zeros between."""
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes(900) + content[1000:])


Fault = Callable[[Path], None]
LOST_ENTRIES = [emptied, halved, without_last_line, Path.unlink]
LOST_FILES = [emptied, halved, zeroed, zeroed_within, Path.unlink]


def repaired(data_dir: Path, begin: int = 0, *, accept_loss: bool = False) -> list[str]:
    """Repair; return what was said."""
    repair = Repair(data_dir, NOW)
    assert repair.is_needed()
    repair.repair(LOG.log_id, {0: begin}, accept_loss=accept_loss)
    assert not repair.is_needed()
    return repair.done


@pytest.mark.parametrize(
    ("place", "fault", "version"),
    [
        *((entry, fault, 3) for fault in LOST_ENTRIES),
        *((data_file, fault, 3) for fault in LOST_FILES),
        (entry, halved, 2),
        (entry, Path.unlink, LAST),
        (data_file, Path.unlink, LAST),
    ],
)
def test_what_was_not_on_the_disk_is_archived_again(
    tmp_path: Path, place: Callable[[Path, int], Path], fault: Fault, version: int
) -> None:
    """Any of the last versions, its entry or its file: then the tables are the same."""
    archive(tmp_path, count_each=True)
    whole = result(tmp_path)
    folder = schema.callbacks_path(tmp_path)
    fault(place(folder, version))

    assert repaired(tmp_path)

    position = table.callbacks(tmp_path).position(LOG.log_id, 0)
    assert position == (version - 2) * 3
    assert table.window_counts(tmp_path).position(LOG.log_id, 0) <= position
    archive(tmp_path)
    assert result(tmp_path) == whole


@pytest.mark.parametrize("fault", LOST_ENTRIES)
def test_counts_are_made_again_from_the_callbacks(tmp_path: Path, fault: Fault) -> None:
    """Only the newest counts are lost: no record is read again."""
    archive(tmp_path, count_each=True)
    whole = result(tmp_path)
    fault(entry(schema.window_counts_path(tmp_path), 3))

    if Repair(tmp_path, NOW).is_needed():
        repaired(tmp_path)
    archive(tmp_path)

    assert table.callbacks(tmp_path).position(LOG.log_id, 0) == len(RECORDS)
    assert result(tmp_path) == whole


def test_what_is_torn_is_kept_aside(tmp_path: Path) -> None:
    """Nothing is deleted: somebody may want to look."""
    archive(tmp_path)
    folder = schema.callbacks_path(tmp_path)
    torn, lost = entry(folder, 3), data_file(folder, LAST)
    halved(torn)

    (said,) = repaired(tmp_path)[:1]

    aside = tmp_path / "archive" / "quarantine" / "20260504T120000"
    assert (aside / torn.relative_to(tmp_path / "archive")).is_file()
    assert (aside / lost.relative_to(tmp_path / "archive")).is_file()
    assert str(torn) in said
    assert "versions from 3 on of table callbacks" in said


@pytest.mark.parametrize("place", [entry, data_file])
@pytest.mark.parametrize("fault", [Path.unlink, halved])
def test_old_damage_is_refused(
    tmp_path: Path, place: Callable[[Path, int], Path], fault: Fault
) -> None:
    """What was on the disk once is not taken back: a sentence names it."""
    archive(tmp_path)
    folder = schema.callbacks_path(tmp_path)
    syncing.note_of(folder).write_text(str(LAST))
    damaged = place(folder, 3)
    fault(damaged)
    there = sorted(tmp_path.rglob("*"))

    with pytest.raises(UnrepairableError) as refused:
        Repair(tmp_path, NOW).repair(LOG.log_id, {0: 0}, accept_loss=True)

    assert str(damaged) in str(refused.value)
    assert "of version 3 of table callbacks" in str(refused.value)
    assert sorted(tmp_path.rglob("*")) == there


def test_what_the_topic_no_longer_has_is_refused_until_it_is_accepted(
    tmp_path: Path,
) -> None:
    """Then it is a gap as any."""
    archive(tmp_path)
    halved(entry(schema.callbacks_path(tmp_path), LAST))

    with pytest.raises(NotInTopicError, match="from offset 6 of partition 0 on"):
        repaired(tmp_path, begin=8)
    assert entry(schema.callbacks_path(tmp_path), LAST).exists()

    repaired(tmp_path, begin=8, accept_loss=True)
    logs.take_over_partition(logs.tables(tmp_path), len(RECORDS), begin=8)
    (gap,) = logs.rows(tmp_path, "gaps")
    assert (gap["from_offset"], gap["to_offset"]) == (6, 7)


def test_a_torn_checkpoint_is_no_loss(tmp_path: Path) -> None:
    """The entries of the log have it all."""
    archive(tmp_path)
    whole = result(tmp_path)
    folder = schema.callbacks_path(tmp_path)
    DeltaTable(str(folder)).create_checkpoint()
    (checkpoint,) = (folder / "_delta_log").glob("*.checkpoint.parquet")
    halved(checkpoint)

    repaired(tmp_path)

    assert result(tmp_path) == whole
    assert table.callbacks(tmp_path).position(LOG.log_id, 0) == len(RECORDS)


def test_a_table_that_was_just_made_is_made_again(tmp_path: Path) -> None:
    """Its very first entry is torn."""
    table.callbacks(tmp_path)
    folder = schema.callbacks_path(tmp_path)
    syncing.note_of(folder).unlink()
    emptied(entry(folder, 0))

    repaired(tmp_path)
    archive(tmp_path)

    assert len(result(tmp_path)[0]) == len(RECORDS)


def test_a_whole_archive_needs_no_repair(tmp_path: Path) -> None:
    """Nor does one that is not there yet."""
    assert not Repair(tmp_path, NOW).is_needed()
    archive(tmp_path, count_each=True)
    table.callbacks(tmp_path).update({"raw": "NULL"}, "kafka_offset = 3")

    assert not Repair(tmp_path, NOW).is_needed()


# ------------------------------------------------------------------- what is synced


def test_everything_a_commit_adds_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files, entries, checkpoints, and every folder up to the data folder."""
    synced: set[Path] = set()
    real = durable.sync

    def spied(paths: Iterable[Path]) -> None:
        given = list(paths)
        real(given)
        synced.update(given)

    monkeypatch.setattr(durable, "sync", spied)
    table.callbacks(tmp_path)
    made = DeltaTable(str(schema.callbacks_path(tmp_path)))
    made.alter.set_table_properties({"delta.checkpointInterval": "3"})
    archive(tmp_path)

    there = {p for p in (tmp_path / "archive").rglob("*") if ".synced" not in p.name}
    assert any("checkpoint.parquet" in path.name for path in there)
    assert there - synced == set()
    assert {tmp_path, tmp_path / "archive"} <= synced


def test_what_another_process_has_not_synced_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died between its commit and the disk; its positions are trusted by others."""
    reader = table.callbacks(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(syncing.Synced, "up_to", lambda *_: None)
        archive(tmp_path)
    synced: list[Path] = []
    monkeypatch.setattr(durable, "sync", synced.extend)

    reader.refresh()

    folder = schema.callbacks_path(tmp_path)
    assert {entry(folder, 3), data_file(folder, 3)} <= set(synced)


# ---------------------------------------------------------------- beside other workers


def prepare(data_dir: Path) -> Presence:
    """Start a worker as far as it touches the archive alone."""
    settings = load(data_dir=data_dir)
    return starting.prepare(settings, "kafka:9092", LOG, accept_log_loss=False)


@pytest.fixture
def _known_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Kafka have everything."""
    monkeypatch.setattr(accepting, "bounds_of", lambda _: {0: Bounds(0, 9)})


@pytest.mark.usefixtures("_known_bounds")
def test_workers_that_start_together_repair_once(tmp_path: Path) -> None:
    """One repairs, the others wait for it; all go on."""
    archive(tmp_path)
    halved(entry(schema.callbacks_path(tmp_path), LAST))

    with ThreadPoolExecutor(3) as threads:
        started = list(threads.map(prepare, [tmp_path] * 3))

    assert len(list((tmp_path / "archive" / "quarantine").iterdir())) == 1
    assert table.callbacks(tmp_path).position(LOG.log_id, 0) == 6
    for presence in started:
        presence.leave()


@pytest.mark.usefixtures("_known_bounds")
def test_nothing_is_repaired_beside_a_working_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would go on from versions that are not there any more."""
    monkeypatch.setattr(starting, "_LOOK_SECONDS", 0.01)
    archive(tmp_path)
    working = prepare(tmp_path)
    prepare(tmp_path).leave()  # as long as nothing is wrong, any number may work
    torn = entry(schema.callbacks_path(tmp_path), LAST)
    halved(torn)

    with pytest.raises(ConfigurationError, match="stop them all") as refused:
        prepare(tmp_path)
    assert str(torn) in str(refused.value)

    working.leave()
    prepare(tmp_path).leave()
    assert not torn.exists()


def test_few_versions_are_looked_at_for_counts_that_are_not_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be thousands; each takes a moment to read."""
    records = [Record(o, BEGIN_MS + o, body(f"m{o}")) for o in range(24)]
    both = logs.tables(tmp_path)
    partition = logs.take_over_partition(both, len(records))
    for record in records:
        partition.take_in(chunk([record]), RULES)
        logs.archive(both, partition)
        logs.count(both, partition)
    entry(schema.callbacks_path(tmp_path), 12).unlink()  # offset 10 and later ones
    looked: list[int | None] = []
    read = transactions.read

    def reading(where: Any, version: int | None = None) -> dict[str, int]:  # noqa: ANN401
        looked.append(version)
        return read(where, version)

    monkeypatch.setattr(transactions, "read", reading)

    assert len(repaired(tmp_path)) == 2

    assert table.callbacks(tmp_path).position(LOG.log_id, 0) == 10
    assert table.window_counts(tmp_path).position(LOG.log_id, 0) == 10
    assert len(looked) < 16
