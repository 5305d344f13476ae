"""Rates: shares that add up, an interval that holds them, a smallest sample."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.rates import (
    MINIMUM_SAMPLE,
    Z_999,
    Interval,
    Rates,
    change,
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


# --- Comparison with an earlier period -----------------------------------------------


@pytest.mark.parametrize(
    ("now", "then", "is_more_than_chance"),
    [
        pytest.param((30, 1_000), (10, 1_000), False, id="three times few is chance"),
        pytest.param((300, 10_000), (100, 10_000), True, id="of many it is not"),
        pytest.param((100, 10_000), (300, 10_000), True, id="a fall, too"),
        pytest.param((3, 3), (0, 3), False, id="three messages say nothing"),
        pytest.param((0, 500), (0, 500), False, id="none and none"),
        pytest.param((50, 50), (0, 50), True, id="all and none"),
    ],
)
def test_change_is_more_than_chance_when_it_is_large_for_its_samples(
    now: tuple[int, int], then: tuple[int, int], *, is_more_than_chance: bool
) -> None:
    """A rise of many messages counts; the same rise of a few can be chance."""
    found = change(*now, *then)

    assert found is not None
    assert found.is_more_than_chance == is_more_than_chance


def test_interval_of_a_change_is_that_of_the_literature() -> None:
    """Newcombe's first example, 56/70 and 48/80, at 99.9 % instead of 95 %."""
    found = change(56, 70, 48, 80)

    assert found is not None
    assert found.difference == pytest.approx(0.2)
    # Worked out from the two Wilson intervals by hand.
    now, then = wilson(56, 70, Z_999), wilson(48, 80, Z_999)
    assert now is not None
    assert then is not None
    low = 0.2 - ((0.8 - now.low) ** 2 + (then.high - 0.6) ** 2) ** 0.5
    high = 0.2 + ((now.high - 0.8) ** 2 + (0.6 - then.low) ** 2) ** 0.5
    assert (found.low, found.high) == pytest.approx((low, high))


@given(samples, samples)
def test_change_and_its_reverse_are_mirror_images(
    now: tuple[int, int], then: tuple[int, int]
) -> None:
    """What has risen from then to now has fallen the other way round."""
    there, back = change(*now, *then), change(*then, *now)

    assert there is not None
    assert back is not None
    assert there.difference == -back.difference
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-9)
    assert there.low <= there.difference <= there.high


def test_nothing_finished_cannot_be_compared() -> None:
    """Neither now nor then."""
    assert change(0, 0, 1, 2) is None
    assert change(1, 2, 0, 0) is None
