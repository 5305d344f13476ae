"""Taking a partition over: what the tables say is all that is needed."""

import random
from pathlib import Path
from typing import Any

import pytest

from streams.core.memory import GENERATION_US
from streams.core.positions import LogShorterError, Move, Standing, Verdict
from streams.worker.partition import Partition
from tests.worker import logs
from tests.worker.logs import BEGIN_MS, LOG, RULES, Record, body, chunk

GENERATION_MS = GENERATION_US // 1000


def make_log(draw: random.Random) -> list[Record]:
    """Return a log of 60 records: copies, parked ones, a clock that jumps and steps."""
    records, now = [], BEGIN_MS
    for offset in range(60):
        now += draw.choice([1, 50, 60_000, -3_600_000, GENERATION_MS])
        value = draw.choice([body(f"m{draw.randrange(12)}"), b"{", b"[]", None])
        value = draw.choice([value, body(f"m{draw.randrange(12)}")])
        records.append(Record(offset, max(now, 0), value))
    return records


def of_one_worker(records: list[Record], data_dir: Path) -> Any:  # noqa: ANN401
    """Take the whole log in at once, by one worker that never ends."""
    both = logs.tables(data_dir)
    partition = logs.take_over_partition(both, len(records))
    partition.take_in(chunk(records), RULES)
    logs.archive(both, partition)
    logs.count(both, partition)
    return both


def result(data_dir: Path) -> tuple[list[Any], list[Any]]:
    """Return what both tables hold: rows by place with their flag, and the counts."""
    rows = logs.rows(data_dir, "callbacks")
    places = sorted(
        (r["kafka_offset"], r["kafka_index"], r["is_copy"], r["problem"]) for r in rows
    )
    return places, logs.cells(logs.rows(data_dir, "window_counts"))


def remembered(partition: Partition) -> Any:  # noqa: ANN401
    """Return what a partition remembers, comparable."""
    held = partition.memory.generations().items()
    entered = {g: sorted(hashes.tolist()) for g, hashes in held if len(hashes)}
    return partition.memory.log_time_us, entered


def remembered_at(records: list[Record], position: int) -> Any:  # noqa: ANN401
    """Return what is remembered at a position, from the records themselves."""
    partition = held()
    if position:
        partition.take_in(chunk(records[:position]), RULES)
    return remembered(partition)


@pytest.mark.parametrize("seed", range(12))
def test_any_crashes_at_any_point_leave_the_same_tables(
    seed: int, tmp_path: Path
) -> None:
    """Cut anywhere, lost before or after each commit: one worker's result."""
    draw = random.Random(seed)  # noqa: S311 - a test's choice
    records = make_log(draw)
    of_one_worker(records, tmp_path / "one")

    data_dir = tmp_path / "many"
    both = logs.tables(data_dir)
    partition = logs.take_over_partition(both, len(records))
    while partition.counted < len(records):
        at = partition.position
        if at < len(records):
            begin = max(0, at - draw.randrange(3))
            end = min(len(records), at + 1 + draw.randrange(9))
            partition.take_in(chunk(records[begin:end]), RULES)
        if draw.random() < 0.5:
            logs.archive(both, partition)
        if draw.random() < 0.3:
            logs.save(partition)
        if draw.random() < 0.3:
            logs.count(both, partition)
        if draw.random() < 0.3:  # kill -9, and another process takes over
            both = logs.tables(data_dir)
            kept = {0: partition} if draw.random() < 0.3 else {}
            partition = logs.take_over_partition(both, len(records), held=kept)
            assert remembered(partition) == remembered_at(records, partition.archived)

    assert result(data_dir) == result(tmp_path / "one")


def test_memory_and_counts_are_those_of_the_worker_before(tmp_path: Path) -> None:
    """The next owner knows what is a copy, and what is archived but not counted."""
    both = logs.tables(tmp_path)
    partition = logs.take_over_partition(both, 2)
    partition.take_in(chunk([Record(0, BEGIN_MS, body("m1"))]), RULES)
    logs.archive(both, partition)
    logs.count(both, partition)
    partition.take_in(chunk([Record(1, BEGIN_MS, body("m2"))]), RULES)
    logs.archive(both, partition)

    taken = logs.take_over_partition(logs.tables(tmp_path), 2)

    assert (taken.position, taken.archived, taken.counted) == (2, 2, 1)
    assert len(taken.memory) == 2
    assert taken.memory.log_time_us == BEGIN_MS * 1000
    (cell,) = taken.uncounted().to_pylist()
    assert (cell["events"], cell["error_code"]) == (1, 4770)


def test_only_the_generations_held_are_read_again(tmp_path: Path) -> None:
    """Rows of generations long past are neither needed nor read."""
    both = logs.tables(tmp_path)
    partition = logs.take_over_partition(both, 3)
    for offset in range(3):
        at = BEGIN_MS + offset * 3 * GENERATION_MS
        partition.take_in(chunk([Record(offset, at, body(f"m{offset}"))]), RULES)
        logs.archive(both, partition)

    taken = logs.take_over_partition(logs.tables(tmp_path), 3)

    # m1 is in a file that is read for its neighbour, m0 is not read at all
    assert len(taken.memory) == len(partition.memory) == 1


def test_a_fresh_partition_starts_at_the_beginning(tmp_path: Path) -> None:
    """Without rows there is nothing to read."""
    taken = logs.take_over_partition(logs.tables(tmp_path), 10)

    assert (taken.position, taken.archived, taken.counted) == (0, 0, 0)


def test_a_shorter_log_is_refused(tmp_path: Path) -> None:
    """Kafka lost what is archived: somebody has to look."""
    both = logs.tables(tmp_path)
    partition = logs.take_over_partition(both, 1)
    partition.take_in(chunk([Record(0, BEGIN_MS, body("m1"))]), RULES)
    logs.archive(both, partition)

    with pytest.raises(LogShorterError):
        logs.take_over_partition(logs.tables(tmp_path), 0)


# ------------------------------------------------------------- one partition's chunks


def held(position: int = 0) -> Partition:
    """Return a partition at a position, with nothing in it."""
    from streams.core.memory import IdentityMemory  # noqa: PLC0415

    standing = Standing(position, position, position, position)
    return Partition(0, LOG.log_id, standing, IdentityMemory())


def test_a_chunk_that_overlaps_is_trimmed() -> None:
    """What was taken in already is left out, and is no copy of itself."""
    partition = held()
    records = [Record(offset, BEGIN_MS, body(f"m{offset}")) for offset in range(4)]
    partition.take_in(chunk(records[:3]), RULES)

    assert partition.take_in(chunk(records[1:]), RULES) is Verdict.TRIM

    (first, second) = partition.rows
    assert first["kafka_offset"].to_pylist() == [0, 1, 2]
    assert second["kafka_offset"].to_pylist() == [3]
    assert second["is_copy"].to_pylist() == [False]


def test_a_chunk_with_a_hole_before_it_is_not_taken_in() -> None:
    """Records are missing: they are fetched again, nothing is skipped."""
    partition = held()

    assert partition.take_in(chunk([Record(5, 0, body("m"))]), RULES) is Verdict.SEEK
    assert (partition.position, partition.rows) == (0, [])


def test_offsets_without_records_are_passed_over() -> None:
    """Where the fetch says that nothing is missing, a hole is no loss."""
    partition = held()

    verdict = partition.take_in(chunk([Record(5, BEGIN_MS, body("m"))], start=0), RULES)

    assert verdict is Verdict.ACCEPT
    assert partition.position == 6


def test_rows_say_where_they_came_from() -> None:
    """Place, source and origin of each callback of a record."""
    partition = held(7)
    value = b"[" + body("m1")[1:-1] + b"," + body("m2")[1:-1] + b"]"
    headers = [("source", b"import"), ("origin", b"old.ndjson:3"), ("x", b"\xff")]

    partition.take_in(chunk([Record(7, BEGIN_MS, value, headers)]), RULES)

    places = partition.rows[0].select(
        ["kafka_offset", "kafka_index", "source", "origin", "message_id"]
    )
    assert [tuple(row.values()) for row in places.to_pylist()] == [
        (7, 0, "import", "old.ndjson:3", "m1"),
        (7, 1, "import", "old.ndjson:3", "m2"),
    ]


def test_headers_that_are_no_text_are_written_as_escapes() -> None:
    """Anybody may produce to the topic."""
    partition = held()

    partition.take_in(
        chunk([Record(0, BEGIN_MS, body("m"), [("source", b"\xffx")])]), RULES
    )

    assert partition.rows[0]["source"].to_pylist() == ["\\xffx"]


def test_a_parked_row_has_no_country() -> None:
    """What cannot be read went nowhere; a readable one without a number is ZZ."""
    partition = held()

    partition.take_in(
        chunk([Record(0, BEGIN_MS, b"{"), Record(1, BEGIN_MS, body("m", to=None))]),
        RULES,
    )

    assert partition.rows[0]["destination_country"].to_pylist() == [None, "ZZ"]


def test_a_position_never_moves_behind_rows_that_are_not_there() -> None:
    """The last line of defence: no rows, no commit."""
    partition = held()
    partition.take_in(chunk([Record(0, BEGIN_MS, body("m"))]), RULES)
    partition.cut()  # and its commit was lost sight of

    with pytest.raises(ValueError, match="no rows up to position 1"):
        partition.cut()


def test_a_partition_may_begin_behind_what_kafka_deleted() -> None:
    """Then the position moves without rows, once."""
    partition = held()
    partition.standing = Standing(position=5, archived=0, counted=0, began=5)

    cut = partition.cut()

    assert cut is not None
    assert (cut.move, len(cut.rows)) == (Move(0, 5), 0)
