"""What a check finds."""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Whether something is well."""

    WELL = "well"
    WRONG = "wrong"
    NOT_CHECKED = "not checked"


class Finding(NamedTuple):
    """One line: what was looked at, how it is, what was found, what to do."""

    check: str
    state: State
    found: str
    advice: str = ""


def well(check: str, found: str) -> Finding:
    """Find that something is well."""
    return Finding(check, State.WELL, found)


def wrong(check: str, found: str, advice: str = "") -> Finding:
    """Find that something is wrong, and what to do."""
    return Finding(check, State.WRONG, found, advice)


def not_checked(check: str, found: str, advice: str = "") -> Finding:
    """Find that something cannot be told, and why; this alone is no fault."""
    return Finding(check, State.NOT_CHECKED, found, advice)
