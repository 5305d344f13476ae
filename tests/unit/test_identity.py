"""Identity: what is a copy, and how long it is known."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.identity import (
    GENERATION_US,
    IDENTITY_COLUMNS,
    IdentityMemory,
    IdentitySet,
    hashes,
    oldest_held_us,
)

HOUR_US = 3_600 * 1_000_000


def rows(*identities: tuple[str | int | None, ...]) -> pa.Table:
    """Return rows with these identities: id, destination, type, channel, code."""
    columns = list(zip(*identities, strict=True))
    arrays = [pa.array(column, pa.string()) for column in columns[:4]]
    arrays.append(pa.array(columns[4], pa.int32()))
    return pa.table(arrays, names=list(IDENTITY_COLUMNS))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("m", "d", "t", None, 1), ("m", "d", "t", None, 2), id="code"),
        pytest.param(("m", "d", "t", None, 0), ("m", "d", "t", None, None), id="none"),
        pytest.param(("m", "d", "t", "", 1), ("m", "d", "t", None, 1), id="empty"),
        pytest.param(
            ("m", "d", "t", "SMS", 1), ("m", "d", "t", "RBM", 1), id="channel"
        ),
        pytest.param(
            ("ab", "c", "t", None, 1), ("a", "bc", "t", None, 1), id="borders"
        ),
        pytest.param(
            ("m:1", "d", "t", None, 1), ("m", "1:d", "t", None, 1), id="colon"
        ),
        pytest.param(
            ("m", None, "t", None, 1), ("m", "", "t", None, 1), id="no number"
        ),
    ],
)
def test_different_identities_have_different_hashes(
    one: tuple[str | int | None, ...], other: tuple[str | int | None, ...]
) -> None:
    """Each part counts, and no text can look like two parts."""
    first, second = hashes(rows(one, other))

    assert first != second


def test_hashes_never_change() -> None:
    """The memory is made again from archives that older versions wrote."""
    assert hashes(rows(("m", "+1", "message-failed", None, 9902))).tolist() == [
        3532801957366133186
    ]


def test_same_identity_in_other_batches_has_the_same_hash() -> None:
    """A hash is a function of the row alone."""
    row = ("m", "+1", "message-failed", "SMS", 4770)

    alone = hashes(rows(row))[0]
    assert hashes(rows(("x", None, None, None, None), row))[1] == alone


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


def test_colliding_slots_are_all_kept() -> None:
    """Hashes that want the same slot go to the next free ones, over the end too."""
    same_slot = np.array([1023 + 1024 * k for k in range(500)], np.uint64)
    held = IdentitySet()

    held.add(same_slot)

    assert held.contains(same_slot).all()
    assert not held.contains(same_slot + np.uint64(1024 * 500)).any()


def test_the_set_costs_few_bytes_each() -> None:
    """At most 27 bytes an identity, whatever their number."""
    held = IdentitySet()
    held.add(np.arange(1, 200_001, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))

    assert held.nbytes / len(held) <= 27


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
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60)), min_size=1, max_size=40),
    st.integers(0, 40),
)
def test_a_memory_made_again_from_the_archive_answers_alike(
    log: list[tuple[int, int]], cut: int
) -> None:
    """What a new owner reads back is enough, and no more is needed."""
    ids, hours = [i for i, _ in log], [float(h) for _, h in log]
    memory = IdentityMemory()
    before = flags(memory, ids[:cut], hours[:cut])

    received = np.array([h * HOUR_US for h in hours[:cut]], np.int64)
    oldest = oldest_held_us(int(received.max(initial=0)))
    recent = np.flatnonzero(received >= oldest)
    begin = int(recent[0]) if len(recent) else cut
    again = IdentityMemory()
    entered = np.where(before, 0, ids[:cut]).astype(np.uint64)[begin:]
    again.remember(entered, received[begin:])

    assert flags(again, ids[cut:], hours[cut:]) == flags(memory, ids[cut:], hours[cut:])


def test_generation_is_thirteen_hours() -> None:
    """Three of them hold every copy of the provider's 24 hours of retries."""
    assert GENERATION_US == 13 * HOUR_US
    assert oldest_held_us(26 * HOUR_US) == 0
    assert oldest_held_us(39 * HOUR_US) == 13 * HOUR_US
