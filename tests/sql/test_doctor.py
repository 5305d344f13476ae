"""The doctor's checks of the archive: tables, and positions against Kafka's log."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from streams.archive import schema
from streams.settings import load
from streams.stack.doctor import State
from streams.stack.doctor import archive as checks
from streams.stack.doctor.facts import Facts, KafkaFacts, Offsets, gather
from streams.stack.doctor.finding import Finding
from streams.topics import Log
from streams.warehouse import snapshot
from tests.sql.archive import LOG, NOON, Archive, callback, cell

LATER = NOON + timedelta(minutes=10)


def facts(
    of: Archive,
    begin: int = 0,
    end: int = 10,
    due: int | None = None,
    now: datetime = NOON,
) -> Facts:
    """Look at an archive beside a log of one partition with these offsets."""
    offsets = Offsets({0: begin}, {0: end}, {0: end if due is None else due})
    kafka = KafkaFacts("a-cluster", 1, (4, 4), log=Log(LOG, 1), offsets=offsets)
    taken = snapshot.take(of.data_dir)
    return Facts(load(data_dir=of.data_dir), kafka=kafka, archive=taken, now=now)


def test_archive_that_keeps_up_is_well(archive: Archive) -> None:
    """What is younger than a minute may still be on its way."""
    archive.add_callbacks([callback(6)])

    found = check_positions(facts(archive, end=10, due=7))

    assert found == (State.WELL, "the archive is 3 records behind Kafka's log")


@pytest.mark.parametrize(
    ("begin", "end", "due", "said"),
    [
        (0, 10, 8, "3 records are not archived yet, 1 of them older than 60 s"),
        (0, 6, 6, "Kafka's log ends before the archive does in partition 0"),
        (9, 10, 10, "Kafka has deleted 2 records of partition 0"),
    ],
)
def test_archive_that_does_not_go_with_the_log_is_wrong(
    archive: Archive, begin: int, end: int, due: int, said: str
) -> None:
    """Behind, beyond the log's end, or before its begin."""
    archive.add_callbacks([callback(6)])

    state, found = check_positions(facts(archive, begin, end, due))

    assert state is State.WRONG
    assert said in found


def check_positions(of: Facts) -> tuple[State, str]:
    """Return state and words of the check of positions."""
    found = checks.positions(of)
    return found.state, found.found


def test_newest_life_of_a_log_counts(archive: Archive) -> None:
    """After a loss of records the position went back; it is no lag and no loss."""
    archive.add_callbacks([callback(20)])
    archive.add_callbacks([callback(4, log_id=f"{LOG}~1")])

    state, _ = check_positions(facts(archive, end=5))

    assert state is State.WELL


def test_without_kafka_or_archive_positions_are_not_checked(archive: Archive) -> None:
    """What is missing is wrong elsewhere, once."""
    settings = load(data_dir=archive.data_dir)
    whole = facts(archive)

    for lacking in (
        Facts(settings, archive=whole.archive),
        Facts(settings, archive=whole.archive, kafka=KafkaFacts("c", 1, (4, 4))),
        Facts(settings, kafka=whole.kafka),
    ):
        assert check_positions(lacking)[0] is State.NOT_CHECKED


def test_counts_may_be_behind_but_not_ahead(archive: Archive) -> None:
    """Counts of records that are not archived cannot be."""
    archive.add_callbacks([callback(6)])
    archive.add_counts([cell(1, to_position=5)])
    assert checks.counts(facts(archive)).found == (
        "2 archived records are not counted yet"
    )

    archive.add_counts([cell(1, to_position=8)])
    found = checks.counts(facts(archive))
    assert found.state is State.WRONG
    assert "partition 0" in found.found


def test_counts_that_stay_behind_are_wrong(archive: Archive) -> None:
    """Three commits of the counts are time enough, by when a callback was received."""
    archive.add_callbacks([callback(0), callback(1), callback(2, received_at=LATER)])
    archive.add_counts([cell(1, to_position=1)])

    def after(seconds: float) -> Finding:
        return checks.counts(facts(archive, now=NOON + timedelta(seconds=seconds)))

    assert after(180).state is State.WELL
    late = after(180.001)
    assert late.state is State.WRONG
    assert late.found == (
        "1 archived callbacks are not counted yet and were received more than 180 s "
        "ago: reports lack them"
    )
    assert "start one" in late.advice
    archive.add_counts([cell(1, from_position=1, to_position=2)])
    assert after(180.001).state is State.WELL
    assert after(3600).state is State.WRONG


def test_counts_are_those_of_the_newest_life(archive: Archive) -> None:
    """What an earlier life counted is not ahead of the newest one, and not behind."""
    archive.add_callbacks([callback(n) for n in range(20)])
    archive.add_counts([cell(1, to_position=10)])
    archive.add_callbacks([callback(0, log_id=f"{LOG}~1", received_at=LATER)])
    found = checks.counts(facts(archive, now=LATER))

    assert found == ("counts", State.WELL, "1 archived records are not counted yet", "")


def test_counts_are_not_judged_without_their_files(archive: Archive) -> None:
    """The missing file is wrong already, once."""
    archive.add_callbacks([callback(0)])
    for file in schema.callbacks_path(archive.data_dir).rglob("*.parquet"):
        file.unlink()

    assert checks.counts(facts(archive)).state is State.NOT_CHECKED


def test_file_that_is_gone_is_named(archive: Archive) -> None:
    """A table whose files are there is well, and so is one that is not made yet."""
    empty = facts(archive)
    assert checks.callbacks(empty).state is State.WELL
    assert checks.window_counts(empty).state is State.WELL

    archive.add_callbacks([callback(0)])
    archive.add_counts([cell(1)])
    assert checks.callbacks(facts(archive)).state is State.WELL

    for folder, check in (
        (schema.callbacks_path(archive.data_dir), checks.callbacks),
        (schema.window_counts_path(archive.data_dir), checks.window_counts),
    ):
        (file,) = folder.rglob("*.parquet")
        file.unlink()
        found = check(facts(archive))
        assert found.state is State.WRONG
        assert str(file) in found.found


def test_table_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """A broken log of the table is found, not raised."""
    log = schema.callbacks_path(tmp_path) / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020d}.json").write_text("{")

    found = checks.callbacks(gather(load(data_dir=tmp_path)))

    assert found.state is State.WRONG
    assert "cannot be opened" in found.found


def test_gaps_are_wrong_while_they_are_new(archive: Archive) -> None:
    """Seven days long; then they are still told."""
    archive.add_callbacks([callback(9)])
    assert checks.gaps(facts(archive)).state is State.WELL

    archive.add_gap(1, 3)
    archive.add_gap(5, 5, partition=2)

    def after(days: float) -> Finding:
        return checks.gaps(facts(archive, now=NOON + timedelta(days=days)))

    late, later = after(7), after(7.01)
    assert (late.state, later.state) == (State.WRONG, State.WELL)
    assert "4 offsets of partitions 0, 2 were lost" in late.found
    assert "4 offsets of partitions 0, 2 were lost" in later.found
