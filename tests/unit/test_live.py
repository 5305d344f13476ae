"""The reader's rules one by one; test_live_model.py tries them in any history."""

from typing import Any

import pytest

from streams.core import live
from streams.core.live import SILENCE_MS, Place, Reader
from streams.core.publications import Cell, Publication, Row

LOG = "log-1"
PLACE = Place(LOG, 0)


def cell(name: str) -> Cell:
    """Return a cell by its carrier."""
    return (60, "US", name, None, None, None, "failed", None)


def message(base: int, position: int, /, **fields: Any) -> Publication:  # noqa: ANN401
    """Return a message; numbers are given by carrier, ``a=3``."""
    names: dict[str, object] = {"complete": False, "rules_version": 1, "part": 1}
    names |= {"parts": 1, "as_of": None, "partition": 0, "log_id": LOG}
    told: dict[str, Any] = {
        name: fields.pop(name, default) for name, default in names.items()
    }
    cells: list[Row] = [(*cell(name), n, 2 * n) for name, n in fields.items()]
    return Publication(base=base, position=position, cells=cells, **told)


def events(changes: dict[Cell, tuple[int, int]]) -> dict[str | None, int]:
    """Return changes by carrier; segments are twice the events throughout."""
    assert all(segments == 2 * n for n, segments in changes.values())
    return {found[2]: n for found, (n, _) in changes.items()}


def reader(position: int = 10, partitions: int = 1) -> Reader:
    """Begin with the table at a position."""
    places = {Place(LOG, p): position for p in range(partitions)}
    return Reader(LOG, partitions, places)


def test_the_highest_position_of_each_cell_counts() -> None:
    """Copies and older messages change nothing."""
    found = reader()

    assert events(found.take_in(message(10, 20, complete=True, a=2, b=1), 1)) == {
        "a": 2,
        "b": 1,
    }
    assert events(found.take_in(message(10, 25, a=5), 2)) == {"a": 3}
    assert found.take_in(message(10, 25, a=5), 3) == {}
    assert found.take_in(message(10, 22, a=3), 4) == {}
    assert events(found.take_in(message(10, 23, b=4), 5)) == {"b": 3}


def test_an_older_base_is_ignored() -> None:
    """Whoever wrote it was replaced, or is slow; the table has it."""
    found = reader(10)

    assert found.take_in(message(5, 30, complete=True, a=9), 1) == {}
    assert found.standings()[PLACE].is_complete is False


@pytest.mark.parametrize("table_first", [True, False])
def test_a_newer_base_needs_the_table_and_a_complete_message(
    table_first: bool,  # noqa: FBT001
) -> None:
    """Whichever comes first, the totals move when both are there, and not back."""
    found = reader(10)
    found.take_in(message(10, 20, complete=True, a=5, as_of=100), 1)
    table = {cell("a"): (4, 8), cell("b"): (1, 2)}
    part = message(18, 22, complete=True, part=1, parts=2, a=2, as_of=200)
    last = message(18, 22, complete=True, part=2, parts=2, c=3, as_of=200)
    if table_first:
        assert found.offer(PLACE, 18, table) == {}
        assert found.take_in(part, 2) == {}
        changes = found.take_in(last, 3)
    else:
        assert found.take_in(part, 2) == {}
        assert found.take_in(last, 3) == {}
        assert found.wanted() == {PLACE: 18}
        assert found.base(PLACE) == 10
        changes = found.offer(PLACE, 18, table)

    assert events(changes) == {"a": 1, "b": 1, "c": 3}
    assert found.base(PLACE) == 18
    assert found.as_of() == 200
    assert found.wanted() == {}
    assert {c: n for _, c, n in found.gained()} == {
        cell("a"): (2, 4),
        cell("c"): (3, 6),
    }


def test_a_table_at_another_base_is_not_enough() -> None:
    """The table is read again until it is at a base that messages tell."""
    found = reader(10)
    found.take_in(message(18, 22, complete=True, a=2), 1)

    assert found.offer(PLACE, 17, {cell("a"): (1, 2)}) == {}
    assert found.wanted() == {PLACE: 18}
    assert events(found.offer(PLACE, 18, {cell("a"): (1, 2)})) == {"a": 3}


def test_a_worker_that_begins_further_back_waits_until_nothing_steps_back() -> None:
    """A stopped worker was ahead of the one that replaced it."""
    found = reader(10)
    found.take_in(message(10, 40, complete=True, a=9), 1)

    assert found.offer(PLACE, 15, {cell("a"): (2, 4)}) == {}
    assert found.take_in(message(15, 20, complete=True, a=3), 2) == {}
    assert found.base(PLACE) == 10
    assert events(found.take_in(message(15, 50, a=8), 3)) == {"a": 1}
    assert found.base(PLACE) == 15


def test_nonsense_that_is_ahead_of_everything_is_given_up_after_ten_minutes() -> None:
    """A foreign writer cannot stop the totals for ever."""
    found = reader(10)
    found.take_in(message(10, 2**60, complete=True, a=1_000_000), 1)
    found.offer(PLACE, 15, {cell("a"): (2, 4)})
    assert found.take_in(message(15, 20, complete=True, a=3), 1_000) == {}

    before = found.take_in(message(15, 21), 1_000 + SILENCE_MS - 1)
    after = found.take_in(message(15, 22), 1_000 + SILENCE_MS)

    assert before == {}
    assert events(after) == {"a": 5 - 1_000_000}


def test_of_one_base_only_the_highest_rules_version_counts() -> None:
    """Other rules may put an event into another cell: then all of them at once."""
    found = reader(10)
    found.take_in(message(10, 20, complete=True, a=5), 1)

    assert found.take_in(message(10, 30, rules_version=2, b=5), 2) == {}
    changes = found.take_in(message(10, 30, complete=True, rules_version=2, b=5), 3)
    assert events(changes) == {"a": -5, "b": 5}
    assert found.take_in(message(10, 40, complete=True, a=9), 4) == {}


def test_newer_rules_wait_until_they_are_as_far() -> None:
    """A worker of a newer version begins at the archive, behind the one before."""
    found = reader(10)
    found.take_in(message(10, 20, complete=True, a=5), 1)

    newer = message(10, 15, complete=True, rules_version=2, b=2)
    assert found.take_in(newer, 2) == {}
    assert events(found.take_in(message(10, 21, rules_version=2, b=6), 3)) == {
        "a": -5,
        "b": 6,
    }


def test_a_message_is_believed_when_all_its_parts_were_read() -> None:
    """A part alone says nothing about the cells of the others."""
    found = reader(10)
    found.take_in(message(10, 20, complete=True, a=1, as_of=100), 1)

    found.take_in(message(10, 30, part=2, parts=2, as_of=200, b=1), 2)
    assert (found.as_of(), found.standings()[PLACE].position) == (100, 20)
    found.take_in(message(10, 30, part=1, parts=2, as_of=200, a=2), 3)
    assert (found.as_of(), found.standings()[PLACE].position) == (200, 30)


def test_as_of_is_the_minimum_of_the_current_logs_partitions() -> None:
    """What one of them does not tell is not known."""
    found = reader(10, partitions=2)
    found.take_in(message(10, 20, complete=True, as_of=500), 1)
    assert found.as_of() is None

    found.take_in(message(10, 20, complete=True, as_of=300, partition=1), 2)
    assert found.as_of() == 300
    found.take_in(message(10, 20, as_of=900, partition=1), 3)
    assert found.as_of() == 500


def test_a_clock_that_was_set_back_is_believed() -> None:
    """Whatever was acknowledged after it was set back is not counted yet."""
    found = reader(10)
    found.take_in(message(10, 20, complete=True, as_of=900), 1)
    found.take_in(message(10, 20, as_of=400), 2)

    assert found.as_of() == 400


def test_sums_of_all_logs_count_and_as_of_is_the_current_ones() -> None:
    """A topic that was made again, or lost records, has another life."""
    found = reader(10)
    found.take_in(message(10, 20, complete=True, a=5, as_of=100), 1)
    found.follow("log-1~1", 1)

    assert found.as_of() is None
    new = message(0, 3, complete=True, a=2, as_of=700, log_id="log-1~1")
    assert events(found.take_in(new, 2)) == {"a": 2}
    assert found.as_of() == 700
    assert found.base(Place("log-1~1", 0)) == 0
    assert found.base(PLACE) == 10


def test_a_partition_is_waited_for_until_it_is_complete_or_silent() -> None:
    """Ready: one complete message of the table's base, or none for ten minutes."""
    found = reader(10, partitions=3)
    found.take_in(message(10, 20, complete=True), 1_000)
    found.take_in(message(10, 20, partition=1), 1_000)

    assert found.waits_for(1_000 + SILENCE_MS - 1) == [1]
    assert found.waits_for(1_000 + SILENCE_MS) == []
    found.take_in(message(10, 30, complete=True, partition=1), 1_001 + SILENCE_MS)
    assert found.waits_for(1_001 + SILENCE_MS) == []


def test_a_base_ahead_of_the_table_is_waited_for() -> None:
    """Complete, but not of the table's base."""
    found = reader(10)
    found.take_in(message(18, 20, complete=True), 1_000)

    assert found.waits_for(1_000) == [0]
    found.offer(PLACE, 18, {})
    assert found.waits_for(1_000) == []


def test_what_nobody_needs_is_not_held() -> None:
    """Bases and logs without end do not fill the memory."""
    found = reader(10)
    for number in range(100):
        found.take_in(message(20 + number, 200, a=1), 1)
        found.take_in(message(0, 5, log_id=f"unknown-{number}", a=1), 1)
        found.take_in(message(10, 20, part=1, parts=2, as_of=number, a=1), 1)

    held = found._held  # noqa: SLF001 - how much is held has no other witness
    assert len(held[PLACE].newer) <= 3
    assert len(held) <= 1 + live._MOST_UNKNOWN_LOGS  # noqa: SLF001
    assert len(held[PLACE].gathered._parts) <= 4  # noqa: SLF001


def test_a_message_is_of_a_log_that_the_table_tells_later() -> None:
    """The worker began a new life; the table is read again because of it."""
    found = reader(10)
    life = Place("log-1~1", 0)
    found.take_in(message(7, 9, log_id=life.log_id, complete=True, a=1), 1)

    assert found.wanted() == {life: 7}
    assert events(found.offer(life, 7, {})) == {"a": 1}
