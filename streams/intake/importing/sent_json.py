"""A log of messages sent as JSON: objects or arrays of them in lines, or one array."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import msgspec

from streams.core import sent
from streams.intake.importing.sent_log import Content, Lines, Record
from streams.intake.importing.sources import UnusableError

# The longest array that is held at once.
LONGEST_ARRAY_BYTES = 16 << 20
# As the provider's list of messages has it.
_LIST = "messages"
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


def content_of(lines: Lines, chosen: Mapping[str, str]) -> Content:
    """Take a log apart.

    Args:
        lines: At least one, none of them blank.
        chosen: Column by field, as a person says.

    Raises:
        UnusableError: It is no JSON.
    """
    head = list(islice(lines, 2))
    all_lines = chain(head, lines)
    values = _Values(chosen)
    if head[0][1].strip() != b"[" and any(_is_whole(line) for _, line in head):
        return Content("lines of JSON", {}, _of_lines(all_lines, values))
    return Content("one JSON value", {}, _of_whole(all_lines, values))


def _is_whole(line: bytes) -> bool:
    """Tell whether a line is an object or an array by itself."""
    try:
        return isinstance(msgspec.json.decode(line), dict | list)
    except _UNREADABLE:
        return False


def _of_lines(lines: Lines, values: "_Values") -> Iterator[Record]:
    for number, line in lines:
        try:
            found = msgspec.json.decode(line)
        except _UNREADABLE as error:
            yield Record(number, line, None, f"no JSON: {error}")
            continue
        if isinstance(found, dict) and not isinstance(found.get(_LIST), list):
            yield Record(number, line, values.of(found))
        else:
            yield from _of_several(number, line, found, values.of)


def _of_several(
    number: int,
    line: bytes,
    found: object,
    values_of: Callable[[Mapping[str, Any]], Mapping[str, object]],
) -> Iterator[Record]:
    elements = found.get(_LIST) if isinstance(found, dict) else found
    if not isinstance(elements, list):
        yield Record(number, line, None, "no JSON object")
        return
    for index, element in enumerate(elements):
        raw = msgspec.json.encode(element)
        if isinstance(element, dict):
            yield Record(number, raw, values_of(element))
        else:
            yield Record(number, raw, None, f"[{index}]: no JSON object")


def _of_whole(lines: Lines, values: "_Values") -> Iterator[Record]:
    parts: list[bytes] = []
    size = 0
    for _, line in lines:
        parts.append(line)
        size += len(line) + 1
        if size > LONGEST_ARRAY_BYTES:
            raise UnusableError(
                f"neither lines of JSON nor one array of at most "
                f"{LONGEST_ARRAY_BYTES >> 20} MiB: make lines of it, for example with "
                f"jq -c '.[]'"
            )
    try:
        found = msgspec.json.decode(b"\n".join(parts))
    except _UNREADABLE as error:
        raise UnusableError(f"no JSON: {error}") from error
    if isinstance(found, dict) and not isinstance(found.get(_LIST), list):
        found = [found]
    yield from _of_several(1, b"", found, values.of)


class _Values:
    """Finds the values of a message in objects, whose keys are mostly the same."""

    def __init__(self, chosen: Mapping[str, str]) -> None:
        self._chosen = chosen
        self._keys: tuple[str, ...] = ()
        self._columns: Mapping[str, str] = {}

    def of(self, found: Mapping[str, Any]) -> Mapping[str, object]:
        keys = tuple(found)
        if keys != self._keys or not self._columns:
            self._keys, self._columns = keys, sent.columns_of(keys, self._chosen)
        return {field: _value(found, name) for field, name in self._columns.items()}


def _value(found: Mapping[str, Any], name: str) -> object:
    """Return the value of a key, or of keys within objects, such as ``message.id``."""
    value: object = found
    if name in found:
        return found[name]
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
