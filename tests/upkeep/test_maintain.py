"""Upkeep changes how the tables are stored, and nothing of what they say."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from filelock import FileLock

from streams.archive import presence, retention, schema, table, upkeep
from streams.core.positions import transaction_id
from streams.settings import ConfigurationError
from streams.warehouse import check, connect, maintain, queries, snapshot, summed
from streams.warehouse import positions as places
from streams.warehouse.connection import connect_over
from streams.warehouse.maintain_steps import Done
from tests.upkeep.writing import LOG, Writer, cells

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LONG = timedelta(days=1)
DAYS = [TODAY - timedelta(days=back) for back in (3, 1)]


def run(
    data_dir: Path,
    *,
    grace: timedelta = LONG,
    keep: timedelta | None = None,
    keep_counts: timedelta | None = None,
    dry_run: bool = False,
) -> Done:
    """Run upkeep as of noon."""
    wanted = maintain.Wanted(grace, keep, keep_counts, dry_run=dry_run)
    return maintain.run(data_dir, wanted, NOW, lambda _what, _done, _total: None)


def did(done: Done) -> dict[tuple[str, str], tuple[int, int | None]]:
    """Return what was done: files before and after it, by table and what."""
    return {(s.table, s.what): (s.files, s.files_after) for s in done.steps}


def rows(data_dir: Path) -> list[dict[str, object]]:
    """Read table callbacks by none of our readers, in the order of the log."""
    found = DeltaTable(str(schema.callbacks_path(data_dir))).to_pyarrow_table()
    order = [(n, "ascending") for n in ("kafka_partition", "kafka_offset")]
    listed: list[dict[str, object]] = found.sort_by(order).to_pylist()
    return listed


def wrong(data_dir: Path) -> set[str]:
    """Return the names of the checks that find something; none of the promises."""
    taken = snapshot.take(data_dir)
    with connect_over(taken) as opened:
        places.show(opened, taken)
        summed.show(opened, taken.window_counts)
        return {
            query.name
            for query in queries.of_kind("check")
            if opened.execute(
                query.sql,
                dict.fromkeys(query.params, schema.RULES_VERSION),
            ).fetchall()
        }


def positions(data_dir: Path) -> list[int]:
    """Return the positions of both tables."""
    both = (table.callbacks(data_dir), table.window_counts(data_dir))
    return [each.position(LOG, partition) for each in both for partition in (0, 1)]


@pytest.fixture(scope="module")
def three_days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Writer]:
    """Write two days that are over and today, once."""
    folder = tmp_path_factory.mktemp("three-days")
    writer = Writer(folder)
    for day in (*DAYS, TODAY):
        writer.day(day, commits=3, flushes=3)
    return folder, writer


@pytest.fixture
def written(tmp_path: Path, three_days: tuple[Path, Writer]) -> Writer:
    """Give the test its own copy of the days, and who goes on writing it."""
    folder, first = three_days
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    writer = Writer(tmp_path)
    writer.rows, writer.events = first.rows, first.events
    return writer


def test_everything_says_the_same_afterwards(tmp_path: Path, written: Writer) -> None:
    """Rows, cells, positions are those of before; the check compares every event."""
    before = (rows(tmp_path), cells(tmp_path), positions(tmp_path))

    done = run(tmp_path)

    assert (rows(tmp_path), cells(tmp_path), positions(tmp_path)) == before
    assert done.differences == []
    found = check.run(tmp_path)
    assert (found.findings, found.counting.compared) == ((), written.events)


@pytest.mark.usefixtures("written")
def test_few_files_are_left(tmp_path: Path) -> None:
    """One a day of each table; what one run settled, the next one leaves alone."""
    first, second = did(run(tmp_path)), did(run(tmp_path))

    # Nine flushes a day; three commits of counts a day that is over, today's are few.
    assert first["callbacks", "put together, sorted"] == (27, 3)
    assert first["window_counts", "summed, dates that are over"] == (6, 2)
    assert set(second) == {("callbacks", "is kept"), ("window_counts", "is kept")}
    assert second["window_counts", "is kept"] == (5, 5)


@pytest.mark.usefixtures("written")
def test_a_cell_is_one_row_of_a_settled_date(tmp_path: Path) -> None:
    """In each partition of the log, with the stretch of the log that it counts."""
    run(tmp_path)

    with connect(tmp_path) as connection:
        most, ranges = connection.execute(
            "select max(times), count(distinct (from_position, to_position)) from ("
            "select count(*) as times, min(from_position) as from_position,"
            " max(to_position) as to_position from stored_window_counts"
            " where committed_date < current_date and kafka_partition = 0"
            " and committed_date = date '2026-11-21' group by window_start, country,"
            " carrier, application_id, channel, sender_type, outcome, error_code)"
        ).fetchall()[0]

    assert (most, ranges) == (1, 1)


@pytest.mark.usefixtures("written")
def test_files_are_sorted_and_keep_statistics_and_encodings(tmp_path: Path) -> None:
    """Readers prune by time and place; numbers that rise are stored as differences."""
    run(tmp_path)
    keeper = upkeep.callbacks(tmp_path)
    [file] = [f for f in keeper.files() if f.date == DAYS[0]]
    found = keeper.read([file]).select(["kafka_partition", "kafka_offset"])
    places = [tuple(row.values()) for row in found.to_pylist()]

    assert places == sorted(places)
    assert (file.lowest["kafka_offset"], file.highest["kafka_offset"]) == (0, 89)
    assert file.lowest["received_at"].date() == DAYS[0]
    group = keeper.place.parquet(file.path).metadata.row_group(0)
    columns = {
        group.column(i).path_in_schema: group.column(i)
        for i in range(group.num_columns)
    }
    assert "DELTA_BINARY_PACKED" in columns["kafka_offset"].encodings
    assert "DELTA_LENGTH_BYTE_ARRAY" in columns["message_id"].encodings
    assert columns["message_id"].compression == "ZSTD"


@pytest.mark.usefixtures("written")
def test_dry_run_changes_nothing(tmp_path: Path) -> None:
    """It says what would be done: not one file of the data folder is another."""
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}

    done = did(run(tmp_path, dry_run=True, keep=timedelta(days=3)))

    after = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    for lock in (maintain.LOCK, presence.LOCK):
        after.pop(tmp_path / lock)
    assert after == before
    assert done["callbacks", "put together, sorted"] == (27, None)
    assert done["window_counts", "summed, dates that are over"] == (6, None)


@pytest.mark.usefixtures("written")
def test_wrong_increment_is_corrected_and_named(tmp_path: Path) -> None:
    """The callbacks are there: they decide, and the difference is said."""
    keeper = upkeep.window_counts(tmp_path)
    [increment, *_] = [f for f in keeper.files() if f.date == DAYS[0]]
    good = keeper.read([increment])
    events = good["events"].to_pylist()
    place = good.schema.get_field_index("events")
    bad = good.set_column(
        place, good.schema.field("events"), [[events[0] + 7, *events[1:]]]
    )
    before = cells(tmp_path)
    keeper.replace([increment], bad, "part")
    assert wrong(tmp_path) == {"window_counts_match_events"}

    done = run(tmp_path)

    [difference] = done.differences
    assert f'"events":{events[0]}' in difference
    assert f'"stored_events":{events[0] + 7}' in difference
    assert cells(tmp_path) == before
    assert wrong(tmp_path) == set()


def test_counts_of_older_rules_are_counted_by_ours(tmp_path: Path) -> None:
    """While their callbacks are kept; how many cells became others is said."""
    writer = Writer(tmp_path)
    begin = datetime(2026, 11, 21, 10, tzinfo=UTC)
    writer.flush(begin)
    writer.count(begin.date(), rules_version=schema.RULES_VERSION - 1)
    assert check.run(tmp_path).notes

    run(tmp_path)

    assert check.run(tmp_path).notes == ()
    assert check.run(tmp_path).counting.compared == writer.events


def test_counts_of_newer_rules_are_only_summed(tmp_path: Path) -> None:
    """An older program does not undo what a newer worker has counted."""
    writer = Writer(tmp_path)
    begin = datetime(2026, 11, 21, 10, tzinfo=UTC)
    for _ in range(2):
        writer.flush(begin)
        writer.count(begin.date(), rules_version=schema.RULES_VERSION + 1)

    assert run(tmp_path).differences == []

    with connect(tmp_path) as connection:
        found = connection.execute(
            "select distinct rules_version from stored_window_counts"
        ).fetchall()
    assert found == [(schema.RULES_VERSION + 1,)]


def test_stretches_of_other_dates_are_not_counted_twice(tmp_path: Path) -> None:
    """Two workers whose clocks disagree about the date take turns."""
    writer = Writer(tmp_path)
    for day in (DAYS[0], DAYS[-1], DAYS[0]):
        writer.flush(datetime(2026, 11, 21, 10, tzinfo=UTC))
        writer.count(day)
    before = cells(tmp_path)

    assert run(tmp_path).differences == []

    assert cells(tmp_path) == before
    assert wrong(tmp_path) == set()


def test_what_comes_after_settling_is_settled_too(
    tmp_path: Path, written: Writer
) -> None:
    """A commit that was under way at midnight: the date is summed once more."""
    run(tmp_path)
    written.flush(datetime(2026, 11, 24, 11, tzinfo=UTC))
    written.count(DAYS[-1])

    done = did(run(tmp_path))

    assert done["window_counts", "summed, dates that are over"] == (2, 1)
    assert wrong(tmp_path) == set()


# ------------------------------------------------------------------------- retention


def test_old_callbacks_leave_and_their_counts_stay(
    tmp_path: Path, written: Writer
) -> None:
    """The check misses nothing of what was dropped, and compares the rest."""
    counts = cells(tmp_path)

    done = did(run(tmp_path, keep=timedelta(days=2)))

    assert done["callbacks", "dropped, received before 2026-11-22"] == (9, 0)
    assert min(str(row["received_date"]) for row in rows(tmp_path)) == "2026-11-23"
    assert cells(tmp_path) == counts
    found = check.run(tmp_path)
    assert found.findings == ()
    assert 0 < found.counting.compared < written.events
    floor = retention.kept_from_name(LOG, 1)
    assert upkeep.callbacks(tmp_path).position(floor) == 90


@pytest.mark.usefixtures("written")
def test_a_difference_behind_the_dropped_is_still_found(tmp_path: Path) -> None:
    """Retention is no excuse for what is kept."""
    run(tmp_path, keep=timedelta(days=2))
    keeper = upkeep.callbacks(tmp_path)
    [second, *_] = [file for file in keeper.files() if file.date == DAYS[1]]

    keeper.drop([second], {})

    assert wrong(tmp_path) == {"records_are_not_missing", "window_counts_match_events"}


def test_everything_of_a_partition_may_be_dropped(tmp_path: Path) -> None:
    """No record is missed then, and the worker goes on at its position."""
    writer = Writer(tmp_path)
    writer.day(DAYS[0])

    run(tmp_path, keep=timedelta(days=2))

    assert rows(tmp_path) == []
    assert wrong(tmp_path) == set()
    assert positions(tmp_path)[0] == 180
    again = Writer(tmp_path)
    again.day(TODAY)
    assert wrong(tmp_path) == set()


@pytest.mark.usefixtures("written")
def test_counts_are_summed_before_their_callbacks_leave(tmp_path: Path) -> None:
    """The last chance to count them again is taken."""
    done = did(run(tmp_path, keep=timedelta(days=2)))

    assert done["window_counts", "summed, dates that are over"] == (6, 2)
    before = cells(tmp_path)
    assert run(tmp_path, keep=timedelta(days=2)).differences == []
    assert cells(tmp_path) == before


@pytest.mark.usefixtures("written")
def test_old_counts_leave(tmp_path: Path) -> None:
    """When they shall; the check has nothing to compare there."""
    days = timedelta(days=2)

    done = did(run(tmp_path, keep=days, keep_counts=days))

    assert done["window_counts", "dropped, counted before 2026-11-22"] == (1, 0)
    assert wrong(tmp_path) == set()


# ----------------------------------------------------------------- beside each other


@pytest.mark.usefixtures("written")
def test_second_run_is_refused(tmp_path: Path) -> None:
    """One at a time."""
    with (
        FileLock(tmp_path / maintain.LOCK),
        pytest.raises(ConfigurationError, match="goes on already"),
    ):
        run(tmp_path)


@pytest.mark.usefixtures("written")
def test_upkeep_of_another_machine_is_noticed(tmp_path: Path) -> None:
    """Where the lock does not reach, the second one is refused by the table."""
    one, other = upkeep.callbacks(tmp_path), upkeep.callbacks(tmp_path)
    files = [file for file in one.files() if file.date == DAYS[0]]
    one.replace(files, one.read(files), "compacted")
    found = sorted(path.name for path in tmp_path.rglob("compacted*"))

    with pytest.raises(table.CommitRefusedError):
        other.replace(files, other.read(files), "compacted")

    assert sorted(path.name for path in tmp_path.rglob("compacted*")) == found
    assert wrong(tmp_path) == set()


def test_commit_beside_upkeep_is_made(
    tmp_path: Path, written: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that looked at the table before files were replaced is not refused."""
    refresh = written.callbacks.refresh

    def slow() -> None:
        refresh()
        run(tmp_path)

    monkeypatch.setattr(written.callbacks, "refresh", slow)
    written.flush(NOW)
    monkeypatch.undo()
    written.count(TODAY)

    assert len(rows(tmp_path)) == written.rows
    assert wrong(tmp_path) == set()


def test_worker_beside_retention_repeats_its_commit(
    tmp_path: Path, written: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows have left the table meanwhile; its position has not moved."""
    refresh, times = written.callbacks.refresh, []

    def slow() -> None:
        refresh()
        times.append(1)
        if len(times) == 1:
            run(tmp_path, keep=timedelta(days=2))

    monkeypatch.setattr(written.callbacks, "refresh", slow)
    written.flush(NOW)
    monkeypatch.undo()
    written.count(TODAY)

    assert len(times) == 2
    assert wrong(tmp_path) == set()


# -------------------------------------------------------------------- files and log


def _readable(connection_rows: Callable[[], object]) -> bool:
    try:
        connection_rows()
    except Exception as error:
        if "No files found" in str(error) or "Cannot open file" in str(error):
            return False
        raise
    return True


@pytest.mark.parametrize(("grace", "readable"), [(3600, True), (0, False)])
@pytest.mark.usefixtures("written")
def test_query_reads_what_upkeep_has_replaced_for_the_grace(
    tmp_path: Path, grace: int, *, readable: bool
) -> None:
    """A query that began before it ends well; with no grace it would not."""
    with connect(tmp_path) as connection:
        run(tmp_path, grace=timedelta(seconds=grace))

        def ask() -> object:
            return connection.execute("select count(*) from callbacks").fetchall()

        assert _readable(ask) is readable


def test_positions_outlive_the_log(tmp_path: Path, written: Writer) -> None:
    """A checkpoint has them, and everything else; older entries are removed."""
    before = (rows(tmp_path), cells(tmp_path), positions(tmp_path))
    keeper = upkeep.callbacks(tmp_path)
    keeper._table.alter.set_table_properties(  # noqa: SLF001 - a day in no time
        {"delta.logRetentionDuration": "interval 0 seconds"}
    )

    removed = keeper.clean_log()

    log = schema.callbacks_path(tmp_path) / "_delta_log"
    assert removed >= 27
    assert len(list(log.glob("*.json"))) == 1
    assert (rows(tmp_path), cells(tmp_path), positions(tmp_path)) == before
    written.flush(NOW)  # whose snapshot is older than what is left of the log
    written.count(TODAY)
    assert wrong(tmp_path) == set()


@pytest.mark.usefixtures("written")
def test_log_is_not_cleaned_behind_a_commit(tmp_path: Path) -> None:
    """Only upkeep does, after the checkpoint is on the disk."""
    run(tmp_path)

    for name in (schema.callbacks_path, schema.window_counts_path):
        found = DeltaTable(str(name(tmp_path))).metadata().configuration
        assert found["delta.enableExpiredLogCleanup"] == "false"
        assert found["delta.logRetentionDuration"] == "interval 86400 seconds"


@pytest.mark.usefixtures("written")
def test_unfinished_files_are_removed(tmp_path: Path) -> None:
    """What a killed run had begun, and files of no transaction after the grace."""
    folder = schema.callbacks_path(tmp_path)
    (folder / "_upkeep" / "abc").mkdir(parents=True)
    orphan = folder / f"received_date={DAYS[0]}" / "compacted-x.parquet"
    orphan.write_bytes(b"half a file")

    run(tmp_path)
    assert not (folder / "_upkeep").exists()
    assert orphan.exists()

    run(tmp_path, grace=timedelta(0))
    assert not orphan.exists()
    assert wrong(tmp_path) == set()


def test_without_an_archive_nothing_is_done(tmp_path: Path) -> None:
    """Nor is a folder made."""
    assert run(tmp_path / "data").steps == []
    assert not (tmp_path / "data").exists()


def test_archive_without_counts_is_looked_after(tmp_path: Path) -> None:
    """A worker has archived, and not counted yet."""
    writer = Writer(tmp_path)
    for _ in range(3):
        writer.flush(datetime(2026, 11, 21, 10, tzinfo=UTC))
    name = transaction_id(LOG, 0)
    assert upkeep.callbacks(tmp_path).position(name) == 30

    done = did(run(tmp_path))

    assert done["callbacks", "put together, sorted"] == (3, 1)
