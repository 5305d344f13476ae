"""Counts → rates: with a 95 % interval, and a rule for samples too small to tell.

The same formulas are in SQL, ``sql/staging/rate_macros.sql``; a test holds both equal.
"""

from math import sqrt
from typing import NamedTuple

# 97.5 % quantile of the normal distribution: 95 % of it lie within ± this many
# standard deviations.
Z_95 = 1.959963984540054
# With fewer finished messages the interval is so wide that it says nothing: of 20
# without one failure, up to 16 % may be failing.
MINIMUM_SAMPLE = 20


class Interval(NamedTuple):
    """Bounds of a proportion, each from 0 to 1."""

    low: float
    high: float


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


def wilson(count: int, finished: int) -> Interval | None:
    """Return the 95 % Wilson score interval of ``count / finished``.

    Args:
        count: Events of the kind asked about, from 0 to ``finished``.
        finished: Sample size, count.

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
    denominator = 1 + Z_95 * Z_95 / finished
    centre = (rate + Z_95 * Z_95 / (2 * finished)) / denominator
    spread = rate * (1 - rate) / finished + Z_95 * Z_95 / (4 * finished * finished)
    margin = Z_95 * sqrt(spread) / denominator
    # Rounding may carry a bound past the rate, or past 0 and 1, by one last digit.
    low = 0.0 if count == 0 else min(centre - margin, rate)
    high = 1.0 if count == finished else max(centre + margin, rate)
    return Interval(low, high)


def is_enough(finished: int) -> bool:
    """Tell whether a rate of so many finished messages says anything."""
    return finished >= MINIMUM_SAMPLE
