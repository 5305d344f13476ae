"""The log is known: made again, moved, shortened, overwritten, with more partitions."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from streams.archive import table
from streams.core import lives
from streams.core.positions import LogShorterError
from streams.topics import Log
from streams.worker import accepting, same_log
from streams.worker.commits import commit_rows
from streams.worker.partition import Partition
from streams.worker.same_log import LogDiffersError
from streams.worker.single_records import Records
from streams.worker.takeover import Bounds, take_over
from tests.worker import logs
from tests.worker.logs import BEGIN_MS, LOG, RULES, Kept, Record, body, chunk

OTHER = Log("log-2", 1)


def made(offset: int, name: str = "m", at_ms: int = BEGIN_MS) -> Record:
    """Return the record of an offset: one callback of its own, a millisecond each."""
    return Record(offset, at_ms + offset, body(f"{name}{offset}"))


def lost_from(begin: int, end: int, *, archived: int = 12) -> list[Record]:
    """Return a log that lost its records from an offset on and was written again."""
    kept = [made(offset) for offset in range(min(begin, archived))]
    return kept + [made(o, "new", BEGIN_MS + 60_000) for o in range(begin, end)]


def archive(data_dir: Path, records: list[Record], each: int = 100) -> Partition:
    """Archive records, so many a commit."""
    both = logs.tables(data_dir)
    partition = logs.take_over_partition(both, records[-1].offset + 1)
    for begin in range(0, len(records), each):
        partition.take_in(chunk(records[begin : begin + each]), RULES)
        logs.archive(both, partition)
    return partition


def go_on(data_dir: Path, log: Log, records: list[Record]) -> list[tuple[int, bool]]:
    """Take a log over, archive what is new; return its offsets and which are copies."""
    both = logs.tables(data_dir)
    begin, end = records[0].offset, records[-1].offset + 1
    partition = take_over(log, {0: Bounds(begin, end)}, both, RULES)[0]
    partition.take_in(chunk(records), RULES)
    logs.archive(both, partition)
    logs.count(both, partition)
    return sorted(
        (row["kafka_offset"], row["is_copy"])
        for row in logs.rows(data_dir, "callbacks")
        if row["log_id"] == partition.log_id
    )


def require(data_dir: Path, kafka: list[Record], *, begin: int = 0) -> None:
    """Compare the archive with what Kafka has."""
    callbacks = table.callbacks(data_dir)
    (life,) = lives.of(callbacks.transactions())
    end = max((record.offset + 1 for record in kafka), default=0)
    same_log.require(callbacks, life, {0: Bounds(begin, end)}, reads(kafka))


def reads(kafka: list[Record]) -> same_log.Connect:
    """Return how such a log is read."""

    def connect() -> AbstractContextManager[Records]:
        return nullcontext(Kept(kafka))

    return connect


# ----------------------------------------------------------- made again, or moved


def test_a_topic_made_again_begins_at_the_beginning(tmp_path: Path) -> None:
    """Its first records are archived, whatever the position of the old log is."""
    archive(tmp_path, [made(offset) for offset in range(5)])

    assert go_on(tmp_path, OTHER, [made(0, "new"), made(1, "new")]) == [
        (0, False),
        (1, False),
    ]


def test_a_new_log_begins_with_the_memory_of_the_one_before(tmp_path: Path) -> None:
    """What the provider sends again after the move is a copy, and counted once."""
    archive(tmp_path, [made(offset) for offset in range(5)])

    found = go_on(tmp_path, OTHER, [made(3), made(4, "new")])

    assert found == [(3, True), (4, False)]


def test_with_another_number_of_partitions_nothing_is_remembered(
    tmp_path: Path,
) -> None:
    """The copy may be in another partition than the event: nothing is promised."""
    archive(tmp_path, [made(3)])

    assert go_on(tmp_path, replace(OTHER, partitions=2), [made(3)]) == [(3, False)]


def test_what_the_old_log_had_archived_is_counted_by_the_next(tmp_path: Path) -> None:
    """A worker that ended before its counts were committed loses none of them."""
    archive(tmp_path, [made(offset) for offset in range(5)])

    go_on(tmp_path, OTHER, [made(0, "new")])

    counts = logs.rows(tmp_path, "window_counts")
    assert {(row["log_id"], row["events"]) for row in counts} == {
        ("log-1", 5),
        ("log-2", 1),
    }
    assert table.window_counts(tmp_path).position("log-1", 0) == 5


def test_two_workers_begin_a_life_once(tmp_path: Path) -> None:
    """Both at the same moment: one notes it, the other finds it."""
    first, second = logs.tables(tmp_path), logs.tables(tmp_path)

    for both in (first, second, first):
        take_over(LOG, {0: Bounds(0, 0)}, both, RULES)

    assert table.callbacks(tmp_path).transactions() == {
        "log-1/life": 1,
        "log-1/partitions": 1,
    }


def test_more_partitions_are_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Copies across them are not promised; the records are archived as any."""
    archive(tmp_path, [made(0)])
    more = replace(LOG, partitions=3)

    for _ in range(2):
        both = logs.tables(tmp_path)
        taken = take_over(more, {2: Bounds(0, 0), 0: Bounds(0, 1)}, both, RULES)

    assert (taken[2].position, taken[0].position) == (0, 1)
    assert caplog.text.count("has 3 partitions now, 1 before") == 1


# ------------------------------------------------------------- the record before


def test_the_archived_log_is_known(tmp_path: Path) -> None:
    """Parked rows, copies, several callbacks a record: the same bytes are the same."""
    values = [body("a")[:-1] + b"," + body("b")[1:], b"{", b"[]", None, body("a")]
    for count in range(1, len(values) + 1):
        records = [Record(o, BEGIN_MS, v) for o, v in enumerate(values[:count])]
        data_dir = tmp_path / str(count)
        archive(data_dir, records)

        require(data_dir, records)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(made(4, "new"), id="another message"),
        pytest.param(made(4, at_ms=BEGIN_MS + 60_000), id="the same, at another time"),
        pytest.param(Record(4, BEGIN_MS + 4, b"{"), id="not readable"),
        pytest.param(made(5), id="no record there"),
    ],
)
def test_another_record_before_the_position_stops_the_worker(
    tmp_path: Path, other: Record
) -> None:
    """Records were written over what the broker had lost: nothing is trimmed."""
    archive(tmp_path, [made(offset) for offset in range(5)])

    with pytest.raises(LogDiffersError, match="another record at offset 4"):
        require(tmp_path, [*map(made, range(4)), other, made(6, "new")])


def test_a_shorter_log_stops_the_worker(tmp_path: Path) -> None:
    """Kafka has not written again yet."""
    archive(tmp_path, [made(offset) for offset in range(5)])

    with pytest.raises(LogShorterError, match="ends at offset 3, the archive at 5"):
        require(tmp_path, [*map(made, range(3))])


def test_what_kafka_has_deleted_is_not_compared(tmp_path: Path) -> None:
    """Retention took the record before the position: what comes is next."""
    archive(tmp_path, [made(offset) for offset in range(5)])

    require(tmp_path, [made(7, "new")], begin=7)


def test_pruned_bytes_are_not_compared(tmp_path: Path) -> None:
    """Bytes of dead letters go after some months; the record is still the same."""
    records = [Record(0, BEGIN_MS, b"{")]
    archive(tmp_path, records)
    table.callbacks(tmp_path).update({"raw": "NULL"}, "problem is not null")

    require(tmp_path, records)


# ------------------------------------------------------------------ accepting it


# commits of five: at, before and behind their edges, and where nothing is lost
@pytest.mark.parametrize("lost", [0, 1, 4, 5, 6, 11, 12])
@pytest.mark.parametrize("end", [0, 9, 20])
def test_a_new_life_begins_at_the_first_record_that_differs(
    lost: int, end: int, tmp_path: Path
) -> None:
    """Wherever the loss begins, and whether the log is shorter, as long or longer."""
    archive(tmp_path, [made(offset) for offset in range(12)], each=5)
    kafka = lost_from(lost, max(end, lost))
    bounds = {0: Bounds(0, len(kafka))}

    log_id = accepting.accept_log_loss(tmp_path, LOG, bounds, reads(kafka))

    assert log_id == ("log-1~1" if lost < 12 else "log-1")
    assert table.callbacks(tmp_path).position(log_id, 0) == lost
    if kafka:
        both = logs.tables(tmp_path)
        assert take_over(LOG, bounds, both, RULES)[0].position == lost


def test_the_new_life_has_each_record_once(tmp_path: Path) -> None:
    """What Kafka lost stays archived; what came in its place is archived, too."""
    archive(tmp_path, [made(offset) for offset in range(12)])
    kafka = [*lost_from(8, 10), made(10), made(11, "new")]

    accepting.accept_log_loss(tmp_path, LOG, {0: Bounds(0, 12)}, reads(kafka))
    found = go_on(tmp_path, LOG, kafka)

    # m10 came again: the new life remembers what the old one had
    assert found == [(8, False), (9, False), (10, True), (11, False)]
    places = [
        (row["log_id"], row["kafka_offset"]) for row in logs.rows(tmp_path, "callbacks")
    ]
    assert len(places) == len(set(places)) == 16
    events = sum(row["events"] for row in logs.rows(tmp_path, "window_counts"))
    assert events == 15


def test_lives_follow_each_other(tmp_path: Path) -> None:
    """A second loss is the second life; only its own rows are compared then."""
    archive(tmp_path, [made(offset) for offset in range(12)])
    kafka = lost_from(8, 11)
    accepting.accept_log_loss(tmp_path, LOG, {0: Bounds(0, 11)}, reads(kafka))
    go_on(tmp_path, LOG, kafka)

    again = [*kafka[:9], made(9, "newer", BEGIN_MS + 90_000)]
    log_id = accepting.accept_log_loss(tmp_path, LOG, {0: Bounds(0, 10)}, reads(again))

    assert log_id == "log-1~2"
    assert go_on(tmp_path, LOG, again) == [(9, False)]


def test_a_worker_of_the_old_life_is_refused(tmp_path: Path) -> None:
    """It still holds records that Kafka has no more; others have their offsets."""
    zombie = archive(tmp_path, [made(offset) for offset in range(12)])
    its_tables = logs.tables(tmp_path)
    zombie.take_in(chunk([made(12)]), RULES)
    cut = zombie.cut()
    assert cut is not None

    kafka = lost_from(8, 13)
    accepting.accept_log_loss(tmp_path, LOG, {0: Bounds(0, 13)}, reads(kafka))

    with pytest.raises(table.CommitRefusedError, match="log-1~1/life"):
        commit_rows(its_tables, [cut])


def test_an_intact_log_keeps_its_life(tmp_path: Path) -> None:
    """The option changes nothing where nothing is lost."""
    records = [made(offset) for offset in range(12)]
    archive(tmp_path, records)
    version = table.callbacks(tmp_path).transactions()

    bounds = {0: Bounds(0, 12)}
    log_id = accepting.accept_log_loss(tmp_path, LOG, bounds, reads(records))

    assert log_id == "log-1"
    assert table.callbacks(tmp_path).transactions() == version
