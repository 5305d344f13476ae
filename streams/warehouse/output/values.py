"""Values of DuckDB as text: exact for machines, harmless for terminals."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

_NUMERIC = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
)
# Characters that turn the direction of the text after them.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e")
_ISOLATES = frozenset("\u2066\u2067\u2068\u2069")
# Control characters, unpaired surrogates, line and paragraph separators.
_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
_INT64 = 2**63


def is_number(type_name: str) -> bool:
    """Tell whether a DuckDB type is a number."""
    return type_name.startswith(_NUMERIC) and not type_name.endswith("]")


def as_json_value(value: Any) -> Any:  # noqa: ANN401 - any value that DuckDB gives
    """Return what msgspec writes as the value's JSON.

    Integers and decimals are numbers with all their digits, times without a zone are
    UTC, keys are text.
    """
    match value:
        case Decimal() if value.is_finite():
            return msgspec.Raw(str(value).encode())
        case int() if not -_INT64 <= value < _INT64:
            return msgspec.Raw(str(value).encode())
        case datetime(tzinfo=None):
            return value.replace(tzinfo=UTC)
        case Mapping():
            return {_key(key): as_json_value(item) for key, item in value.items()}
        case list() | tuple():
            return [as_json_value(item) for item in value]
        case _:
            return value


def _key(key: Any) -> str:  # noqa: ANN401
    return key if isinstance(key, str) else as_json(key)


def as_json(value: Any) -> str:  # noqa: ANN401
    """Return the value's JSON, with no character in it that steers a terminal."""
    text = msgspec.json.encode(as_json_value(value)).decode()
    # JSON itself escapes those below U+0020; in its syntax none of these occurs.
    return text if text.isprintable() else "".join(map(_json_character, text))


def _json_character(character: str) -> str:
    return f"\\u{ord(character):04x}" if _steers(character) else character


def as_text(value: Any) -> str:  # noqa: ANN401
    """Return a value as the text of one cell; null is empty, lists are JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    text = as_json(value)
    if text.startswith('"'):
        return str(msgspec.json.decode(text))
    return "" if text == "null" else text


def printable(text: str) -> str:
    """Write what steers a terminal as its escape sequence; such text is hostile."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if not _steers(character):
        return character
    return character.encode("unicode_escape", "surrogatepass").decode()


def _steers(character: str) -> bool:
    return (
        unicodedata.category(character) in _UNPRINTABLE
        or character in _DIRECTIONS
        or character in _ISOLATES
    )
