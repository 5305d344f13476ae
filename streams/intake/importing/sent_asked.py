"""What a person says of logs of messages sent: which files, and how they are read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from streams.core import sent
from streams.settings import ConfigurationError


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person says.

    Attributes:
        paths: Files, folders, or ``-`` for standard input.
        columns: Column by field, where it is not to be recognised.
        zone: That of times which name none.
    """

    paths: Sequence[str]
    columns: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC


def of(paths: Sequence[str], columns: Iterable[str], zone: str | None) -> Asked:
    """Read what was written on the command line.

    Args:
        paths: Files, folders, or ``-``.
        columns: ``field=name`` each.
        zone: Name of a time zone; None for UTC.

    Raises:
        ConfigurationError: A value cannot be read; the message names the option.
    """
    return Asked(paths, dict(map(_column, columns)), _zone(zone))


def _column(text: str) -> tuple[str, str]:
    given, equals, name = text.partition("=")
    known = sent.field_of(given)
    if not equals or not name.strip() or known is None:
        raise ConfigurationError(
            f"--column {text} is not usable: give FIELD=NAME, FIELD being one of "
            f"{', '.join(sent.NAMES)}."
        )
    return known, name.strip()


def _zone(name: str | None) -> tzinfo:
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"--time-zone {name} is no time zone: give one such as America/New_York."
        ) from error
