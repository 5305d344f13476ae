"""Where in a JSON text a byte is, in words that a person can follow."""

import re

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|[{}\[\],:]', re.DOTALL)
_LONGEST_PATH = 200


class _Level:
    """One open object or array: what it is, and which member is being read."""

    __slots__ = ("index", "is_array", "key", "wants_key")

    def __init__(self, *, is_array: bool) -> None:
        self.is_array = is_array
        self.index = 0
        self.key = ""
        self.wants_key = not is_array

    def step(self) -> str:
        """Return this level's part of a path."""
        if self.is_array:
            return f"[{self.index}]"
        return f".{self.key}" if self.key else ""


def path_at(text: bytes, byte: int) -> str:
    """Return the JSON path of the value that byte number ``byte`` belongs to.

    Args:
        text: A JSON text, possibly broken; what lies behind ``byte`` is not read.
        byte: Offset in bytes; may be the text's length.

    Returns:
        A path such as ``[0].message.to[1]``, empty at the top; of a very deep path the
        last 200 characters.
    """
    levels: list[_Level] = []
    for match in _TOKEN.finditer(text, 0, byte):
        _advance(levels, match.group())
    path = "".join(level.step() for level in levels).removeprefix(".")
    return path if len(path) <= _LONGEST_PATH else "…" + path[-_LONGEST_PATH:]


def _advance(levels: list[_Level], token: bytes) -> None:
    if token in b"{[":
        levels.append(_Level(is_array=token == b"["))
    elif not levels:
        return
    elif token in b"}]":
        levels.pop()
    elif token == b",":
        levels[-1].index += 1
        levels[-1].wants_key = not levels[-1].is_array
    elif token != b":" and levels[-1].wants_key:
        levels[-1].key = token.strip(b'"').decode("utf-8", "replace")
        levels[-1].wants_key = False


def line_and_column(text: bytes, byte: int) -> tuple[int, int]:
    """Return the line and the column of a byte, both counted from 1, in bytes."""
    before = text[:byte]
    return before.count(b"\n") + 1, byte - (before.rfind(b"\n") + 1) + 1
