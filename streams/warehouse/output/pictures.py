"""Numbers as small pictures of characters: a bar for a share, a line for a history."""

from collections.abc import Sequence
from math import ceil

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"
_FULL = 8
NO_DATA = " "


def bar(share: float, width: int) -> str:
    """Draw a bar.

    Args:
        share: How long, from 0 to 1; what is above 0 is seen.
        width: Length of the longest, characters.

    Returns:
        At most so many characters; none for 0.
    """
    eighths = min(ceil(share * width * _FULL), width * _FULL) if share > 0 else 0
    whole, rest = divmod(eighths, _FULL)
    return _EIGHTHS[_FULL] * whole + (_EIGHTHS[rest] if rest else "")


def line(values: Sequence[float | None], highest: float) -> str:
    """Draw a history, one character a value.

    Args:
        values: From 0 up; None where there is no value.
        highest: What the highest character stands for; more than 0.
    """
    return "".join(_height(value, highest) for value in values)


def _height(value: float | None, highest: float) -> str:
    if value is None:
        return NO_DATA
    steps = ceil(min(value / highest, 1) * (len(_HEIGHTS) - 1))
    return _HEIGHTS[steps]
