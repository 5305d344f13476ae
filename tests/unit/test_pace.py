"""Publishing takes its share, and no more."""

from hypothesis import given
from hypothesis import strategies as st

from streams.core.pace import (
    GATHER_SECONDS,
    LONGEST_SECONDS,
    MANY_RECORDS,
    SHARE,
    SHARE_WHEN_BEHIND,
    Gathering,
    Pace,
)

seconds = st.floats(0.0001, 2)


@given(st.lists(st.tuples(seconds, seconds), min_size=50, max_size=200))
def test_a_worker_that_is_behind_spends_its_share_of_the_cpu(
    steps: list[tuple[float, float]],
) -> None:
    """Whatever a publication costs, and however much is done between two looks."""
    pace = Pace()
    cpu = spent = 0.0
    for costs, passes in steps:
        cpu += passes
        if pace.is_due(cpu, wall=0):
            cpu += costs
            spent += costs
            pace.note(costs, cpu, 0, is_behind=True)
    # The last one is not paid for yet.
    most = max(costs for costs, _ in steps)
    assert spent <= cpu * SHARE_WHEN_BEHIND + most


def test_a_worker_that_is_behind_and_gets_no_cpu_publishes_still() -> None:
    """Late, but it does."""
    pace = Pace()
    pace.note(1, 5, 100, is_behind=True)

    assert not pace.is_due(5.1, 100 + LONGEST_SECONDS - 1)
    assert pace.is_due(5.1, 100 + LONGEST_SECONDS)
    assert pace.is_due(5 + 1 / SHARE_WHEN_BEHIND, 101)


def test_a_worker_that_keeps_up_publishes_by_the_clock() -> None:
    """It is idle most of the time, and its CPU time stands still."""
    pace = Pace()
    assert pace.is_due(0, 0)
    pace.note(0.1, 5, 100, is_behind=False)

    rest = 0.1 * (1 / SHARE - 1)
    assert not pace.is_due(50, 100 + rest - 0.01)
    assert pace.is_due(5, 100 + rest)


@given(st.integers(0, 10_000), st.floats(0, 1e6), st.floats(0, 1))
def test_few_records_let_more_gather(records: int, taken: float, later: float) -> None:
    """The next are taken 50 ms after few; at once after many, who have more behind."""
    gathering = Gathering()
    assert gathering.wait(taken) == 0

    gathering.note(records, taken)

    left = max(0.0, taken + GATHER_SECONDS - (taken + later))
    assert gathering.wait(taken + later) == (left if records < MANY_RECORDS else 0)
