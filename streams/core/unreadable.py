"""Why bytes are no JSON, and where, in one sentence for a person."""

import re

import msgspec

from streams.core.places import line_and_column, path_at

_AT_BYTE = re.compile(r" \(byte ([0-9]+)\)$")
_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
# Python's own limit depends on who calls: what one reader can still read, another, or
# the same one inside an array more, could not.
_DEEPEST = 100
_any_json = msgspec.json.Decoder(msgspec.Raw)


def problem_of_bytes(content: bytes) -> str | None:
    """Return what keeps bytes from being read as JSON, or None if nothing does.

    Args:
        content: Bytes as they came.

    Returns:
        One sentence that starts with the JSON path where the text breaks, and ends with
        line and column, e.g. ``[0].message.to[1]: trailing comma in array (line 10,
        column 9)``.
    """
    if not content.strip():
        return "empty body"
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return _at(content, error.start, "not UTF-8")
    try:
        _any_json.decode(content)
    except RecursionError:
        return "nested too deeply"
    except msgspec.DecodeError as error:
        return _malformed(content, str(error))
    return "nested too deeply" if _is_too_deep(content) else None


def _is_too_deep(content: bytes) -> bool:
    """Tell whether valid JSON is nested deeper than every reader can surely read."""
    if content.count(b"[") + content.count(b"{") <= _DEEPEST:
        return False
    depth = 0
    for bracket in _STRING.sub(b"", content).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > _DEEPEST:
            return True
    return False


def _malformed(content: bytes, reason: str) -> str:
    match = _AT_BYTE.search(reason)
    if match:
        words = _AT_BYTE.sub("", reason).removeprefix("JSON is malformed: ")
        return _at(content, int(match.group(1)), words)
    # msgspec says "truncated" of an escape without its second half, too.
    surrogate = _LONE_SURROGATE.search(content)
    if surrogate:
        return _at(content, surrogate.start(), "half of a surrogate pair")
    return _at(content, len(content), "the text ends too early")


def _at(content: bytes, byte: int, words: str) -> str:
    line, column = line_and_column(content, byte)
    path = path_at(content, byte)
    place = f"{path}: " if path else ""
    return f"{place}not JSON, {words} (line {line}, column {column})"


def is_array(body: bytes) -> bool:
    """Return whether JSON bytes are an array."""
    return body.lstrip()[:1] == b"["


def problem_of_whole(body: bytes) -> str | None:
    """Return why a body is parked whole: no JSON, or nothing in it."""
    problem = problem_of_bytes(body)
    if problem is not None:
        return problem
    text = body.strip()
    if text == b"null":
        return "null: expected an array of callbacks or one callback"
    if text.startswith(b"[") and not text[1:-1].strip():
        return "empty array"
    return None
