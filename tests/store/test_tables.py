"""The tables in a bucket: written exactly once, taken over, looked after, read."""

import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from streams.archive import gaps, schema, table, transactions
from streams.archive.site import Site
from streams.archive.table import CommitFailedOrUnknownError, CommitRefusedError
from streams.core import lives
from streams.core.positions import transaction_id
from streams.monitor.counts_table import CountsTable
from streams.warehouse import check, connect, counted, maintain, snapshot, summed
from streams.warehouse.connection import connect_over
from streams.warehouse.losses import of as losses_of
from tests.sql.archive import callback
from tests.upkeep.writing import LOG, Writer
from tests.worker import logs

TODAY = date(2026, 5, 7)
NOW = datetime(2026, 5, 7, 12, tzinfo=UTC)
NAME = transaction_id(LOG, 0)


def rows_of(begin: int, end: int) -> pa.Table:
    """Return callbacks of partition 0."""
    made = [callback(offset) for offset in range(begin, end)]
    return pa.Table.from_pylist(made, schema=schema.CALLBACKS)


def offsets(where: Site) -> list[int]:
    """Return the archived offsets, read by delta-rs alone."""
    place = where.table("callbacks")
    found = DeltaTable(place.uri, storage_options=place.options)
    listed: list[int] = found.to_pyarrow_table()["kafka_offset"].to_pylist()
    return sorted(listed)


def test_a_store_refuses_a_second_commit_of_one_version(bucket: Site) -> None:
    """What all else rests on: of two writers of one version one is refused."""
    place = bucket.table("raced")
    rows = pa.table({"n": pa.array([1], pa.int32())})
    for number in range(5):
        uri = f"{place.uri}/{number}"
        DeltaTable.create(uri, schema=rows.schema, storage_options=place.options)
        both = [DeltaTable(uri, storage_options=place.options) for _ in range(2)]
        together = threading.Barrier(2)
        ended: list[str] = []

        def write(mine: DeltaTable) -> None:
            moved = CommitProperties(app_transactions=[Transaction("one", 1)])
            together.wait(30)  # noqa: B023 - it ends within the round
            try:
                write_deltalake(mine, rows, mode="append", commit_properties=moved)
                ended.append("made")  # noqa: B023
            except CommitFailedError:
                ended.append("refused")  # noqa: B023

        threads = [threading.Thread(target=write, args=(mine,)) for mine in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert sorted(ended) == ["made", "refused"]
        after = DeltaTable(uri, storage_options=place.options)
        assert (after.version(), len(after.to_pyarrow_table())) == (1, 1)


def test_a_worker_that_was_overtaken_is_refused(bucket: Site) -> None:
    """A position moves only from where a writer expects it."""
    first, second = table.callbacks(bucket), table.callbacks(bucket)
    first.commit(rows_of(0, 3), {NAME: 0}, {NAME: 3})

    with pytest.raises(CommitRefusedError, match="is 3, not 0"):
        second.commit(rows_of(0, 3), {NAME: 0}, {NAME: 3})

    second.commit(rows_of(3, 5), {NAME: 3}, {NAME: 5})
    first.refresh()
    assert first.position(LOG, 0) == 5
    assert offsets(bucket) == [0, 1, 2, 3, 4]


def test_positions_are_read_over_a_checkpoint(bucket: Site) -> None:
    """Names of positions come from the checkpoint and the entries behind it."""
    held = table.callbacks(bucket)
    held.commit(rows_of(0, 2), {NAME: 0}, {NAME: 2})
    place = bucket.table("callbacks")
    DeltaTable(place.uri, storage_options=place.options).create_checkpoint()
    held.commit(rows_of(2, 3), {NAME: 2}, {NAME: 3})

    assert held.transactions() == {NAME: 3}
    assert transactions.read(place, version=1) == {NAME: 2}


@pytest.mark.parametrize("has_segments", [True, False])
def test_memory_and_counts_are_those_of_the_worker_before(
    bucket: Site, tmp_path: Path, *, has_segments: bool
) -> None:
    """A takeover on another machine reads rows; on the same one, its segments."""
    both = (table.callbacks(bucket), table.window_counts(bucket))
    records = [
        logs.Record(n, logs.BEGIN_MS + n, logs.body(f"m{n % 4}")) for n in range(6)
    ]
    before = logs.take_over_partition(both, end=6)
    before.take_in(logs.chunk(records[:5]), logs.RULES)
    logs.archive(both, before)
    logs.save(before)
    elsewhere = Site(tmp_path / "other", bucket.store, bucket.options)
    where = bucket if has_segments else elsewhere

    both = (table.callbacks(where), table.window_counts(where))
    after = logs.take_over_partition(both, end=6)

    assert (after.archived, len(after.memory)) == (5, 4)
    after.take_in(logs.chunk(records[5:]), logs.RULES)
    logs.archive(both, after)
    logs.count(both, after)
    with connect(bucket) as opened:
        copies = opened.sql(
            "select kafka_offset from callbacks where is_copy"
        ).fetchall()
        counted = opened.sql("select sum(events) from stored_window_counts").fetchall()
    assert sorted(copies) == [(4,), (5,)]
    assert counted == [(4,)]


def test_what_kafka_deleted_is_recorded_once(bucket: Site) -> None:
    """Table gaps lies beside the others."""
    held = table.callbacks(bucket)
    first = lives.first_of_topic([], LOG, 1)
    assert first is not None
    held.commit(schema.CALLBACKS.empty_table(), first.expected, first.moved)
    life = lives.of(held.transactions())[0]
    passed = lives.past_gaps(life, {0: 4})
    assert passed is not None
    held.commit(schema.CALLBACKS.empty_table(), passed.expected, passed.moved)
    life = lives.of(held.transactions())[0]

    found = [gaps.record(bucket, life, [0], NOW) for _ in range(2)]

    assert [[(g.first, g.last) for g in each] for each in found] == [[(0, 3)], []]
    assert [loss.offsets for loss in losses_of(snapshot.take(bucket))] == [4]


def test_upkeep_leaves_the_same_rows_in_fewer_files(bucket: Site) -> None:
    """Files are put together, counts summed, old files and entries removed."""
    writer = Writer(bucket)
    for back in (3, 1):
        writer.day(TODAY - timedelta(days=back), commits=2, flushes=2)
    before = offsets(bucket)
    wanted = maintain.Wanted(timedelta(0))

    done = maintain.run(bucket, wanted, NOW, lambda _what, _done, _total: None)

    did = {(s.table, s.what): (s.files, s.files_after) for s in done.steps}
    assert did["callbacks", "put together, sorted"] == (8, 2)
    assert did["window_counts", "summed, dates that are over"] == (4, 2)
    assert did["callbacks", "removed from the disk"][0] == 8
    assert offsets(bucket) == before
    with connect(bucket) as opened:
        counted = opened.sql("select sum(events) from stored_window_counts").fetchall()
    assert counted == [(writer.events,)]
    place = bucket.table("callbacks")
    assert place.names("_delta_log") != []
    assert [n for n in place.missing([place.opened_as("_upkeep")]) if n] != []
    writer.day(TODAY, commits=1, flushes=1)
    assert len(offsets(bucket)) == len(before) + 20


def test_sums_by_the_day_lie_in_the_store(bucket: Site) -> None:
    """Reports read them there, and those that are superseded are removed in the end."""
    writer = Writer(bucket)
    for back in range(1, 5):
        writer.day(TODAY - timedelta(days=back), commits=1, flushes=1)
    wanted = maintain.Wanted(timedelta(0))
    maintain.run(bucket, wanted, NOW, lambda _what, _done, _total: None)
    place = bucket.table("window_counts")
    first = place.names("_day_sums")
    asked = summed.Asked([NOW - timedelta(days=9), NOW], [None])

    taken = snapshot.take(bucket)
    with connect_over(taken) as opened:
        assert summed.use(opened, taken.window_counts, asked)
        found = opened.sql("select sum(events) from stored_window_counts").fetchall()
    assert found == [(writer.events,)]
    assert check.run(bucket).findings == ()

    writer.day(TODAY, commits=1, flushes=1)
    for days in (1, 2, 3):
        later = datetime.now(UTC) + timedelta(days=days)
        maintain.run(bucket, wanted, later, lambda _what, _done, _total: None)
    assert len(place.names("_day_sums")) == len(first)
    assert not set(first) & set(place.names("_day_sums"))


def test_a_missing_file_is_named(bucket: Site) -> None:
    """Check looks into the store for each file that the log names."""
    writer = Writer(bucket)
    writer.day(TODAY, commits=1, flushes=2)
    place = bucket.table("callbacks")
    name = table.callbacks(bucket).files()[0]["path"]
    place.remove([name])

    (found,) = check.run(bucket).findings

    assert (found.check, found.found) == ("files_are_there", place.opened_as(name))


@pytest.mark.parametrize(
    ("changes", "store", "said"),
    [
        ({}, "s3://not-there/archive", "NoSuchBucket"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, None, "SignatureDoesNotMatch"),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "max_retries": "0"},
            None,
            "connect",
        ),
    ],
    ids=["no bucket", "wrong secret", "nobody answers"],
)
def test_what_is_wrong_is_one_line(
    bucket: Site, changes: dict[str, str], store: str | None, said: str
) -> None:
    """The error says what the store said, without pages of XML and without secrets."""
    options = {**bucket.options, **changes}
    where = Site(bucket.data_dir, store or bucket.store, options)

    with pytest.raises(CommitFailedOrUnknownError) as raised:
        table.callbacks(where)

    words = str(raised.value)
    assert said in words
    assert "\n" not in words
    assert "<" not in words
    assert options["AWS_SECRET_ACCESS_KEY"] not in words


def test_the_monitor_sums_older_hours_from_the_store(bucket: Site) -> None:
    """What is not in memory is read by DuckDB; what is, by the table's files."""
    writer = Writer(bucket)
    writer.day(TODAY, commits=2, flushes=1)
    followed = CountsTable(bucket)

    snapshot = followed.newest()
    in_memory = sum(
        sum(rows["events"].to_pylist()) for rows in followed.rows(snapshot, 0)
    )
    opened_as = [followed.place.opened_as(name) for name in snapshot.files]
    asked = counted.Asked(NOW - timedelta(days=9), NOW, None, ())
    summed = counted.cells(opened_as, asked, 99, followed.place)

    assert in_memory == writer.events
    assert sum(summed["events"].to_pylist()) == writer.events
