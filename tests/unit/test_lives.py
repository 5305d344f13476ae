"""The lives of a log: which there were, which is next, what a new one begins with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core import lives
from streams.core.positions import moved

FIRST = {"t/0": 10, "t/1": 7, "t/life": 1, "t/partitions": 2}


def committed(commit: lives.Commit, before: dict[str, int]) -> dict[str, int]:
    """Return the transactions after a commit that was allowed."""
    assert moved(commit.expected, before) == {}
    return before | commit.moved


def test_a_topic_begins_its_first_life_once() -> None:
    """The second worker that wants to begin it expects what is no longer so."""
    commit = lives.first_of_topic([], "t", 2)

    after = committed(commit, {})

    assert lives.of(after) == [lives.Life("t", number=1, partitions=2)]
    assert moved(commit.expected, after)


def test_lives_come_in_the_order_they_began() -> None:
    """By number, whatever the topic ids; what nobody numbered was before."""
    found = lives.of(FIRST | {"a/life": 2, "old/3": 5, "upkeep": 4, "a/partitions": 2})

    assert [(life.log_id, life.number) for life in found] == [
        ("old", 0),
        ("t", 1),
        ("a", 2),
    ]
    assert found[1].positions == {0: 10, 1: 7}


def test_after_a_loss_the_next_life_begins_where_the_records_differ() -> None:
    """Its positions are those offsets; the old life's stay, as what is archived."""
    known = lives.of(FIRST)

    after = committed(lives.after_loss(known, known[0], 2, {0: 4, 1: 7}), dict(FIRST))

    old, new = lives.of(after)
    assert (new.log_id, new.number, new.partitions) == ("t~1", 2, 2)
    assert new.positions == {0: 4, 1: 7}
    assert (new.begin(0), new.begin(1)) == (4, 7)
    assert old.positions == {0: 10, 1: 7}
    assert lives.current([old, new], "t") == new
    assert new.topic_id == "t"


def test_a_life_is_followed_by_the_next_number() -> None:
    """The topic's own id, ~1, ~2."""
    assert [lives.next_id(log_id) for log_id in ("t", "t~1", "t~9")] == [
        "t~1",
        "t~2",
        "t~10",
    ]


def test_the_tenth_life_is_newer_than_the_ninth() -> None:
    """By number, not as text."""
    found = lives.of({f"t~{n}/0": 1 for n in range(1, 11)} | {"t/0": 1})

    assert (lives.current(found, "t") or found[0]).log_id == "t~10"


def test_a_worker_of_the_old_life_commits_nothing_more() -> None:
    """What it has in memory is about offsets that hold other records by now."""
    known = lives.of(FIRST)
    expected = {"t/0": 10} | lives.not_over("t")
    assert moved(expected, FIRST) == {}

    commit = lives.after_loss(known, known[0], 2, {0: 10, 1: 7})

    assert moved(expected, committed(commit, dict(FIRST)))
    # ... and delta-rs refuses it where both are made at the same time.
    assert {"t/0", "t/1"} <= set(commit.moved)


@pytest.mark.parametrize(
    ("partitions", "begins_with"),
    [pytest.param(2, "t", id="as many"), pytest.param(3, None, id="other number")],
)
def test_a_life_begins_with_the_memory_of_the_one_before(
    partitions: int, begins_with: str | None
) -> None:
    """Where partitions were added, copies may be in another one: nothing is known."""
    found = lives.of(FIRST | {"u/life": 2, "u/partitions": partitions})

    before = lives.before(found, found[1])

    assert (before and before.log_id) == begins_with
    assert lives.before(found, found[0]) is None


def test_more_partitions_are_noted_once() -> None:
    """Of two workers that see them, one says so."""
    commit = lives.more_partitions(lives.of(FIRST)[0], 3)

    after = committed(commit, dict(FIRST))

    assert lives.of(after)[0].partitions == 3
    assert moved(commit.expected, after)


def test_a_position_moves_past_a_gap_and_says_which() -> None:
    """Both in one commit; where nothing was deleted, nothing moves."""
    (life,) = lives.of(FIRST)
    assert lives.past_gaps(life, {0: 10, 1: 3}) is None

    commit = lives.past_gaps(life, {0: 15, 1: 3})

    assert commit is not None
    (after,) = lives.of(committed(commit, dict(FIRST)))
    assert after.gap(0) == (10, 15)
    assert after.gap(1) is None
    assert after.positions == {0: 15, 1: 7}


def test_the_last_record_is_before_the_position() -> None:
    """Unless offsets without records lie between."""
    transactions = FIRST | {"u/0": 20, "u/0/last": 17, "u/0/empty": 3}
    found = {life.log_id: life for life in lives.of(transactions)}

    assert (found["t"].last(0), found["t"].empty(0)) == (9, 0)
    assert (found["u"].last(0), found["u"].empty(0)) == (17, 3)
    assert found["u"].last(5) == -1


ranges = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(
    lambda ends: (min(ends), max(ends))
)


@given(gap=ranges, recorded=st.lists(ranges, max_size=5))
def test_every_offset_of_a_gap_is_recorded_once(
    gap: lives.Range, recorded: list[lives.Range]
) -> None:
    """What is left is the gap without what is recorded, no offset twice."""
    left = lives.without(gap, recorded)

    offsets = [offset for first, behind in left for offset in range(first, behind)]
    known = {offset for first, behind in recorded for offset in range(first, behind)}
    assert offsets == sorted(set(range(*gap)) - known)
    assert all(first < behind for first, behind in left)
