"""Counts → rates: with a 95 % interval, and a rule for samples too small to tell.

The same formulas are in SQL, ``sql/staging/rate_macros.sql``; a test holds both equal.
"""

from math import hypot, sqrt
from typing import NamedTuple

# 97.5 % quantile of the normal distribution: 95 % of it lie within ± this many
# standard deviations.
Z_95 = 1.959963984540054
# With fewer finished messages the interval is so wide that it says nothing: of 20
# without one failure, up to 16 % may be failing.
MINIMUM_SAMPLE = 20
# The same for 99.9 %: of a thousand rows that did not change, one is marked.
Z_999 = 3.290526731491926


class Interval(NamedTuple):
    """Bounds of a proportion, each from 0 to 1."""

    low: float
    high: float


class Change(NamedTuple):
    """A rate less the same rate of an earlier period, from -1 to 1.

    Attributes:
        difference: Rate now less rate then.
        low: Lower bound of its 99.9 % interval.
        high: Upper bound of its 99.9 % interval.
        is_more_than_chance: Whether 0 is outside of the interval.
    """

    difference: float
    low: float
    high: float
    is_more_than_chance: bool


class Rates(NamedTuple):
    """Shares of finished messages; they sum to 1, or are None when none finished."""

    failure_rate: float | None
    unknown_rate: float | None
    delivery_rate: float | None


def rates(delivered: int, failed: int, unknown: int) -> Rates:
    """Divide each outcome by the number finished.

    Args:
        delivered: Events delivered, count.
        failed: Events failed, count.
        unknown: Events that ended without a receipt, count.

    Returns:
        Shares from 0 to 1; None, not 0, where nothing has finished.
    """
    finished = delivered + failed + unknown
    if finished == 0:
        return Rates(None, None, None)
    return Rates(failed / finished, unknown / finished, delivered / finished)


def wilson(count: int, finished: int, z: float = Z_95) -> Interval | None:
    """Return the Wilson score interval of ``count / finished``, 95 % by default.

    Args:
        count: Events of the kind asked about, from 0 to ``finished``.
        finished: Sample size, count.
        z: Half width of the normal distribution's share, standard deviations.

    Returns:
        Bounds with 0 <= low <= count / finished <= high <= 1; None when the sample is
        empty. No continuity correction.

    Raises:
        ValueError: ``count`` is below 0 or above ``finished``.

    Source:
        E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical
        Inference", JASA 22(158), 1927.
    """
    if not 0 <= count <= finished:
        raise ValueError(f"count must be from 0 to finished: {count} of {finished}")
    if finished == 0:
        return None
    rate = count / finished
    denominator = 1 + z * z / finished
    centre = (rate + z * z / (2 * finished)) / denominator
    spread = rate * (1 - rate) / finished + z * z / (4 * finished * finished)
    margin = z * sqrt(spread) / denominator
    # Rounding may carry a bound past the rate, or past 0 and 1, by one last digit.
    low = 0.0 if count == 0 else min(centre - margin, rate)
    high = 1.0 if count == finished else max(centre + margin, rate)
    return Interval(low, high)


def change(
    count: int, finished: int, earlier_count: int, earlier_finished: int
) -> Change | None:
    """Compare a rate with the same rate of an earlier period.

    Args:
        count: Events of the kind asked about, from 0 to ``finished``.
        finished: Sample size, count.
        earlier_count: The same of the earlier period.
        earlier_finished: The same of the earlier period.

    Returns:
        The difference with its 99.9 % interval; None when a sample is empty. Small
        samples make the interval wide, not the answer wrong.

    Source:
        R. G. Newcombe, "Interval estimation for the difference between independent
        proportions: comparison of eleven methods", Statistics in Medicine 17, 1998,
        method 10 (of two Wilson intervals).
    """
    now = wilson(count, finished, Z_999)
    then = wilson(earlier_count, earlier_finished, Z_999)
    if now is None or then is None:
        return None
    rate, earlier = count / finished, earlier_count / earlier_finished
    difference = rate - earlier
    low = difference - hypot(rate - now.low, then.high - earlier)
    high = difference + hypot(now.high - rate, earlier - then.low)
    return Change(difference, low, high, not low <= 0 <= high)


def is_enough(finished: int) -> bool:
    """Tell whether a rate of so many finished messages says anything."""
    return finished >= MINIMUM_SAMPLE
