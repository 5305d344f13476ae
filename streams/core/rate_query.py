"""What is asked for: a period, windows, dimensions, filters, the largest, a comparison.

``by`` decides which rows and columns there are. Filters decide what is counted. Filters
by outcome and error code narrow what is counted, never ``finished``: a rate stays a
share of everything that finished.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from streams.core.series import DIMENSIONS, Numbers, Value

FINISHED = ("delivered", "failed", "unknown")
UNDELIVERED = ("failed", "unknown")
# What a filter or ``by`` makes parts of: the other dimensions say what is divided.
PART_DIMENSIONS = ("outcome", "error_code")
PLACE_DIMENSIONS = tuple(d for d in DIMENSIONS if d not in PART_DIMENSIONS)

Minutes = TypeVar("Minutes", int, Numbers)

# Windows start here and go both ways, as in SQL: whole weeks start on Mondays.
_ORIGIN = 15_780_960  # 2000-01-03T00:00:00Z, minutes since 1970


@dataclass(frozen=True, slots=True)
class Filter:
    """Values of a dimension that are let in; None stands for none sent."""

    name: str
    values: frozenset[Value]


@dataclass(frozen=True, slots=True)
class Query:
    """A question about rates.

    Attributes:
        since: Start of the period, minutes since 1970 UTC; on a window's start.
        until: End of the period, not included; on a window's start.
        window: Length of a window, minutes; None for one window, the whole period.
        by: Dimensions of a row, in the order of DIMENSIONS.
        filters: At most one for each dimension.
        top: So many groups with the most failures; the rest is one more. None for all.
        compare: How much earlier the period is that it is compared with, minutes.
    """

    since: int
    until: int
    window: int | None = None
    by: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    top: int | None = None
    compare: int | None = None

    @property
    def has_parts(self) -> bool:
        """Tell whether rows count one kind of event, not all three outcomes."""
        return any(name in PART_DIMENSIONS for name in self.by)

    @property
    def places(self) -> tuple[str, ...]:
        """Return the dimensions of a row's ``finished``."""
        return tuple(name for name in self.by if name in PLACE_DIMENSIONS)

    @property
    def outcomes(self) -> frozenset[Value] | None:
        """Return the outcomes that are counted; None for all there are."""
        asked = self.filter_of("outcome")
        if asked is not None:
            return asked
        if "outcome" in self.by:
            return None
        return frozenset(UNDELIVERED if self.has_parts else FINISHED)

    def filter_of(self, name: str) -> frozenset[Value] | None:
        """Return the values that are let in of a dimension; None for all."""
        return next((each.values for each in self.filters if each.name == name), None)

    def window_starts(self, minutes: Numbers) -> Numbers:
        """Return the start of the window that each minute of the period is in."""
        if self.window is None:
            return np.full(len(minutes), self.since, np.int64)
        return window_starts(minutes, self.window)


def window_starts(minutes: Minutes, window: int) -> Minutes:
    """Return the start of the window, of a length in minutes, that each minute is in.

    Takes one minute, or a column of them.
    """
    return minutes - (minutes - _ORIGIN) % window
