"""The memory of events: what is a copy, how long it is known, what it costs."""

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.memory import (
    GENERATION_US,
    IdentityMemory,
    IdentitySet,
    oldest_held_us,
)

HOUR_US = 3_600 * 1_000_000


@given(st.lists(st.sets(st.integers(1, 2**64 - 1), max_size=40), max_size=6))
def test_the_set_is_a_set(batches: list[set[int]]) -> None:
    """Against Python's own set, whatever collides."""
    ours = IdentitySet()
    python: set[int] = set()
    for batch in batches:
        new = np.array(sorted(batch - python), np.uint64)
        ours.add(new)
        python |= batch
        probe = np.array(sorted(batch | {1, 2**63}), np.uint64)
        assert ours.contains(probe).tolist() == [int(h) in python for h in probe]
    assert len(ours) == len(python)


#   slots  [0 . . . . . . . . last] behind
#           ^ all want this      ^ or this
@pytest.mark.parametrize(
    "first",
    [pytest.param(2, id="first slot"), pytest.param(2**64 - 5_000, id="last slot")],
)
@pytest.mark.parametrize("at_once", [1, 70, 5_000])
def test_colliding_slots_are_all_kept(first: int, at_once: int) -> None:
    """Hashes that want the same slot go to the next free ones, over the end too."""
    same_slot = np.arange(5_000, dtype=np.uint64) + np.uint64(first)
    absent = np.array([first - 1, 2**63], np.uint64)
    held = IdentitySet()

    for begin in range(0, 700, at_once):
        held.add(same_slot[begin : begin + at_once])

    added = max(at_once, 700)
    assert len(held) == added
    assert held.contains(same_slot).tolist() == [k < added for k in range(5_000)]
    assert not held.contains(absent).any()
    assert set(held.hashes().tolist()) == set(same_slot[:added].tolist())


def test_an_event_costs_at_most_16_bytes() -> None:
    """However many they are, growth included."""
    held = IdentitySet()
    many = np.arange(1, 300_001, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for begin in range(0, len(many), 1_000):
        held.add(many[begin : begin + 1_000])
        if len(held) >= 10_000:
            assert held.nbytes / len(held) <= 16


def flags(memory: IdentityMemory, ids: list[int], hours: list[float]) -> list[bool]:
    """Take rows in at these hours of the log."""
    received = np.array([round(h * HOUR_US) for h in hours], np.int64)
    found: list[bool] = memory.take_in(np.array(ids, np.uint64), received).tolist()
    return found


#    hours 0          13          26          39          52
#   ...----[-----------[-----------[-----------[-----------[---
#             seen in the first: held until 39
@pytest.mark.parametrize(
    ("hour", "known"),
    [
        pytest.param(0.1, True, id="at once"),
        pytest.param(26.5, True, id="after 26 hours"),
        pytest.param(38.99, True, id="last instant of the third generation"),
        pytest.param(39.0, False, id="fourth generation"),
    ],
)
def test_an_event_is_known_for_three_generations(hour: float, known: bool) -> None:  # noqa: FBT001
    """A copy is known for 26 hours at least; after 39 it is an event again."""
    memory = IdentityMemory()
    assert flags(memory, [7], [0.0]) == [False]

    assert flags(memory, [7], [hour]) == [known]


def test_log_time_never_steps_back() -> None:
    """A broker whose clock steps back does not bring old generations back."""
    memory = IdentityMemory()

    assert flags(memory, [1, 2, 1, 2], [0, 40, 1, 1]) == [False, False, False, True]
    assert memory.log_time_us == 40 * HOUR_US


def test_parked_rows_are_never_copies_and_move_the_time() -> None:
    """A row without an identity only tells the time."""
    memory = IdentityMemory()

    assert flags(memory, [5, 0, 0, 5], [0, 1, 39, 39]) == [False] * 4


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(-5, 60)), max_size=40),
    st.lists(st.integers(0, 40), max_size=5),
)
def test_copies_are_a_function_of_the_log_alone(
    log: list[tuple[int, int]], cuts: list[int]
) -> None:
    """However the log is cut into batches, the same rows are copies."""
    ids, hours = [i for i, _ in log], [float(max(h, 0)) for _, h in log]
    together = flags(IdentityMemory(), ids, hours)

    memory, apart = IdentityMemory(), []
    for begin, end in pairwise(
        sorted({0, len(log), *[c for c in cuts if c < len(log)]})
    ):
        apart += flags(memory, ids[begin:end], hours[begin:end])

    assert apart == together


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 90)), max_size=40),
    st.lists(st.integers(0, 40), max_size=4),
    st.randoms(use_true_random=False),
)
def test_a_memory_is_restored_from_what_entered(
    log: list[tuple[int, int]], cuts: list[int], shuffle: random.Random
) -> None:
    """What entered, by generation and in any order, and the log's time are enough."""
    ids, hours = [i for i, _ in log], [float(h) for _, h in log]
    memory, entered = IdentityMemory(), []
    for begin, end in pairwise(
        sorted({0, len(log), *[c for c in cuts if c < len(log)]})
    ):
        flags(memory, ids[begin:end], hours[begin:end])
        entered += memory.take_entered()
    assert memory.take_entered() == []

    shuffle.shuffle(entered)
    again = IdentityMemory()
    again.restore({}, memory.log_time_us)
    for generation, hashes in entered:
        again.restore({generation: hashes}, memory.log_time_us)

    assert contents(again) == contents(memory)
    later = [50.0 + h for h in hours]
    assert flags(again, ids, later) == flags(memory, ids, later)


def contents(memory: IdentityMemory) -> Any:  # noqa: ANN401
    """Return what a memory holds, comparable."""
    held = memory.generations().items()
    return memory.log_time_us, {g: sorted(hashes.tolist()) for g, hashes in held}


def test_generation_is_thirteen_hours() -> None:
    """Three of them hold every copy of the provider's 24 hours of retries."""
    assert GENERATION_US == 13 * HOUR_US
    assert oldest_held_us(26 * HOUR_US) == 0
    assert oldest_held_us(39 * HOUR_US) == 13 * HOUR_US
