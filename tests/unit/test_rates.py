"""Rates: shares that add up, an interval that holds them, a smallest sample."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.rates import (
    MINIMUM_SAMPLE,
    Interval,
    Rates,
    is_enough,
    rates,
    wilson,
)

counts = st.integers(0, 10**12)
samples = st.integers(1, 10**12).flatmap(
    lambda finished: st.tuples(st.integers(0, finished), st.just(finished))
)


def test_rates_are_shares_of_what_finished() -> None:
    """Of 8 finished, 1 failed and 1 is unknown."""
    assert rates(delivered=6, failed=1, unknown=1) == Rates(0.125, 0.125, 0.75)


def test_nothing_finished_has_no_rate() -> None:
    """No message finished is not the same as none failed."""
    assert rates(0, 0, 0) == Rates(None, None, None)
    assert wilson(0, 0) is None


@given(counts, counts, counts)
def test_rates_sum_to_one(delivered: int, failed: int, unknown: int) -> None:
    """Delivered, failed and unknown are the whole."""
    shares = [rate for rate in rates(delivered, failed, unknown) if rate is not None]

    assert not shares or sum(shares) == pytest.approx(1)


@pytest.mark.parametrize(
    ("count", "finished", "interval"),
    [
        pytest.param(1, 2, (0.0945, 0.9055), id="1 of 2 says nothing"),
        pytest.param(20, 100, (0.1334, 0.2888), id="20 of 100"),
        pytest.param(500, 5000, (0.0920, 0.1086), id="500 of 5000"),
        pytest.param(0, 20, (0.0, 0.1611), id="none of 20"),
        pytest.param(20, 20, (0.8389, 1.0), id="all of 20"),
    ],
)
def test_interval_is_that_of_the_literature(
    count: int, finished: int, interval: tuple[float, float]
) -> None:
    """Values of published tables, to four digits."""
    assert wilson(count, finished) == pytest.approx(interval, abs=5e-5)


@given(samples)
def test_interval_holds_the_rate(sample: tuple[int, int]) -> None:
    """For any sample, 0 <= low <= rate <= high <= 1."""
    count, finished = sample
    interval = wilson(count, finished)

    assert interval is not None
    assert 0 <= interval.low <= count / finished <= interval.high <= 1


@given(samples)
def test_interval_is_symmetric(sample: tuple[int, int]) -> None:
    """Asking for those that did not fail mirrors the interval."""
    count, finished = sample
    failed, others = wilson(count, finished), wilson(finished - count, finished)

    assert failed is not None
    assert others is not None
    assert failed == pytest.approx(Interval(1 - others.high, 1 - others.low), abs=1e-12)


@given(
    st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
)
def test_interval_narrows_with_the_sample(sample: tuple[int, int]) -> None:
    """Four times as many messages at the same rate tell more."""
    count, finished = sample
    few, many = wilson(count, finished), wilson(4 * count, 4 * finished)

    assert few is not None
    assert many is not None
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize(("count", "finished"), [(-1, 5), (6, 5), (0, -1)])
def test_more_failures_than_messages_is_refused(count: int, finished: int) -> None:
    """A count outside its sample is a mistake of the caller, not a rate."""
    with pytest.raises(ValueError, match="count must be from 0 to finished"):
        wilson(count, finished)


def test_sample_is_enough_from_the_minimum_on() -> None:
    """The minimum itself is enough, one fewer is not."""
    assert [is_enough(MINIMUM_SAMPLE - 1), is_enough(MINIMUM_SAMPLE)] == [False, True]
