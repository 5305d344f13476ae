"""When a partition's owner publishes what, and what it claims."""

from dataclasses import dataclass, field

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core import publications, windows
from streams.core.announcing import (
    COMPLETE_SECONDS,
    SIGN_SECONDS,
    SLEPT_SECONDS,
    Announcement,
    Announcer,
    changed,
)
from streams.core.publications import ENVELOPE_BYTES, Publication
from tests.unit.live_world import cell, table_of


@dataclass
class Partition:
    """A partition as an announcer sees it."""

    counted: int = 0
    position: int = 0
    last_ms: int | None = None
    increments: list[pa.Table] = field(default_factory=list)
    fresh: list[pa.Table] | None = field(default_factory=list)

    def gained(self) -> list[pa.Table]:
        """Return all increments."""
        return self.increments

    def take_fresh(self) -> list[pa.Table] | None:
        """Return the increments since the last call."""
        taken, self.fresh = self.fresh, []
        return taken

    def take_in(self, *names: str, at_ms: int = 1_000) -> None:
        """Take records in, one event each."""
        cells = table_of(cell(0, name) for name in names)
        self.increments.append(cells)
        if self.fresh is not None:
            self.fresh.append(cells)
        self.position += len(names)
        self.last_ms = at_ms

    def commit(self) -> None:
        """Commit the counts."""
        self.counted, self.increments = self.position, []


def message(announcement: Announcement | None) -> Publication:
    """Return what is published, of one part."""
    assert announcement is not None
    (value,) = publications.encode(announcement.head, announcement.encoded)
    found = publications.decode(value, 0)
    assert found is not None
    return found


def events(found: Publication) -> dict[str | None, int]:
    """Return a message's events by carrier."""
    return {row[2]: row[8] for row in found.cells}


@pytest.fixture
def announcer() -> Announcer:
    """Announce partition 0."""
    return Announcer("log-1", 0, 1)


def test_the_first_message_is_complete_and_later_ones_tell_what_changed(
    announcer: Announcer,
) -> None:
    """Numbers are those since the base, not since the last message."""
    partition = Partition()
    partition.take_in("a", "b")
    first = message(announcer.announce(partition, 0))
    announcer.acknowledged(0)
    partition.take_in("a")
    second = message(announcer.announce(partition, 0.25))
    announcer.acknowledged(0.25)

    assert (first.complete, events(first)) == (True, {"a": 1, "b": 1})
    assert (second.complete, events(second)) == (False, {"a": 2})
    assert (second.base, second.position) == (0, 3)
    assert announcer.announce(partition, 0.5) is None


def test_an_assignment_without_counts_is_told_too(announcer: Announcer) -> None:
    """Complete and empty: a reader then knows that there is nothing."""
    found = message(announcer.announce(Partition(7, 7), 0))

    assert (found.complete, found.base, found.position) == (True, 7, 7)
    assert (found.cells, found.as_of) == ([], None)


def test_nothing_new_is_a_sign_of_life_each_second(announcer: Announcer) -> None:
    """A quarter of a second between two looks keeps it below a second."""
    assert SIGN_SECONDS + 0.25 < 1
    announcer.announce(Partition(), 0)
    announcer.acknowledged(0)

    assert announcer.announce(Partition(), SIGN_SECONDS - 0.01) is None
    found = message(announcer.announce(Partition(), SIGN_SECONDS))
    assert (found.complete, found.cells) == (False, [])


def test_a_commit_of_the_table_is_followed_by_a_complete_message(
    announcer: Announcer,
) -> None:
    """What the cells gained since, though nothing changed."""
    partition = Partition()
    partition.take_in("a", "b")
    announcer.announce(partition, 0)
    announcer.acknowledged(0)
    partition.commit()
    partition.take_in("b")

    found = message(announcer.announce(partition, 0.25))

    assert (found.complete, found.base, events(found)) == (True, 2, {"b": 1})


@pytest.mark.parametrize(
    ("told", "seconds", "loses"),
    [
        pytest.param(True, COMPLETE_SECONDS, False, id="30 seconds"),
        pytest.param(False, 0.25, False, id="the last one failed"),
        pytest.param(True, SLEPT_SECONDS + 1, False, id="it was stopped"),
        pytest.param(True, 0.25, True, id="too many increments to keep"),
    ],
)
def test_a_message_is_complete_again(
    told: bool,  # noqa: FBT001
    seconds: float,
    loses: bool,  # noqa: FBT001
    announcer: Announcer,
) -> None:
    """After a while, and whenever a reader may lack a cell."""
    partition = Partition()
    partition.take_in("a")
    announcer.announce(partition, 0)
    if told:
        announcer.acknowledged(0)
    partition.take_in("b")
    if loses:
        partition.fresh = None
    steps = [SLEPT_SECONDS * n for n in range(1, int(seconds / SLEPT_SECONDS))]
    for step in steps if seconds == COMPLETE_SECONDS else []:
        announcer.announce(partition, step)
        announcer.acknowledged(step)

    found = message(announcer.announce(partition, seconds))

    assert (found.complete, events(found)) == (True, {"a": 1, "b": 1})


def test_as_of_is_the_last_records_time_or_that_of_a_message_at_the_end(
    announcer: Announcer,
) -> None:
    """An idle partition's time goes on; a position below the log's end has its own."""
    partition = Partition()
    partition.take_in("a", at_ms=1_000)
    assert message(announcer.announce(partition, 0)).as_of == 1_000
    announcer.acknowledged(0)

    announcer.found_end(2, 5_000)  # one more record is there, not taken in yet
    assert message(announcer.announce(partition, 1)).as_of == 1_000
    announcer.acknowledged(1)
    partition.take_in("a", at_ms=4_000)
    assert message(announcer.announce(partition, 2)).as_of == 5_000
    announcer.acknowledged(2)
    partition.take_in("a", at_ms=4_500)  # its broker's clock is behind
    assert message(announcer.announce(partition, 3)).as_of == 4_500


def test_a_sign_repeats_what_was_told(announcer: Announcer) -> None:
    """It is of the last message's position: what came since is not told by it."""
    partition = Partition()
    partition.take_in("a", at_ms=1_000)
    assert announcer.sign(0) is None
    announcer.announce(partition, 0)
    assert announcer.sign(9) is None  # nobody knows whether readers have it
    announcer.acknowledged(0)
    partition.take_in("b", at_ms=2_000)

    assert announcer.sign(SIGN_SECONDS - 0.1) is None
    found = message(announcer.sign(SIGN_SECONDS))
    announcer.acknowledged(SIGN_SECONDS)

    assert (found.position, found.as_of, found.cells) == (1, 1_000, [])
    assert events(message(announcer.announce(partition, 1))) == {"b": 1}


def test_a_cell_too_large_for_a_part_holds_as_of_back_until_it_is_in_the_table() -> (
    None
):
    """Its counts come from the table; until then nobody says they are there."""
    announcer = Announcer("log-1", 0, 1, ENVELOPE_BYTES + 100)
    partition = Partition()
    partition.take_in("a", at_ms=1_000)
    announcer.announce(partition, 0)
    announcer.acknowledged(0)
    partition.take_in("x" * 200, at_ms=2_000)

    found = message(announcer.announce(partition, 1))
    announcer.acknowledged(1)
    assert (found.position, found.as_of, found.cells) == (2, 1_000, [])
    assert announcer.waits_for_the_table
    partition.take_in("a", at_ms=3_000)
    found = message(announcer.announce(partition, 2))
    announcer.acknowledged(2)
    assert (found.as_of, events(found)) == (1_000, {"a": 2})

    partition.commit()
    assert message(announcer.announce(partition, 3)).as_of == 3_000
    assert not announcer.waits_for_the_table


names = st.lists(st.sampled_from(["a", "b", "c"]), max_size=5)


@given(names, st.lists(names, max_size=3))
def test_changed_is_the_sum_and_what_of_it_is_new(
    before: list[str], increments: list[list[str]]
) -> None:
    """However the increments are cut."""
    sums = table_of(cell(0, name) for name in before)
    new = [name for names in increments for name in names]

    total, told = changed(
        sums, [table_of(cell(0, name) for name in names) for names in increments]
    )

    everything = publications.numbers_of(table_of(cell(0, n) for n in before + new))
    assert publications.numbers_of(total) == everything
    assert publications.numbers_of(told) == {
        found: numbers for found, numbers in everything.items() if found[2] in new
    }
    assert total.schema == told.schema == windows.CELLS
    assert len(total) == len(everything)
