"""What a problem's sentence says: the reason it shares with others, and the place."""

import re

_AT_LINE = re.compile(r" \(line (?P<line>[0-9]+), column (?P<column>[0-9]+)\)$")
_INDEX = re.compile(r"\[[0-9]+\]")


def reason_of(problem: str) -> str:
    """Return a problem without what differs from one callback to the next.

    Args:
        problem: As the column ``problem`` has it, e.g. ``[0].message.to[1]: not JSON,
            trailing comma in array (line 10, column 9)``.

    Returns:
        The problem without indexes of its path, line and column, e.g. ``message.to: not
        JSON, trailing comma in array``. The reason of a reason is itself.
    """
    words = _AT_LINE.sub("", problem)
    while (shorter := _AT_LINE.sub("", _INDEX.sub("", words))) != words:
        words = shorter
    return words.lstrip(".: ")


def line_and_column_of(problem: str) -> tuple[int, int] | None:
    """Return line and column that a problem names, both from 1, in bytes; else None."""
    match = _AT_LINE.search(problem)
    return None if match is None else (int(match["line"]), int(match["column"]))
