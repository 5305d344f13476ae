"""Repairs of bodies that are almost JSON; each changes nothing else."""

import re

_STRING_OR_COMMAS = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*"?|,[, \t\r\n]*(?=[\]}])', re.DOTALL
)


def without_trailing_commas(content: bytes) -> bytes:
    """Remove commas before ``]`` or ``}``, a mistake of some of the provider's bodies.

    Args:
        content: Any bytes.

    Returns:
        The same bytes without commas that only blanks, or further commas, separate from
        a closing bracket. What stands in strings stays, blanks stay; valid JSON is
        returned unchanged.
    """
    return _STRING_OR_COMMAS.sub(_kept, content)


def _kept(match: re.Match[bytes]) -> bytes:
    found = match.group()
    return found if found.startswith(b'"') else found.replace(b",", b"")
