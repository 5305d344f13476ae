"""Telephone numbers as people and programs write them → E.164, as in callbacks."""

import re

_NORMAL = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_SCHEME = re.compile(r"(?:tel|sms):", re.IGNORECASE)
# Blanks, brackets, points, dashes of all kinds, and marks that nobody sees.
_SEPARATORS = re.compile(
    r"[\s().\-/\u00ad\u2010-\u2015\u200b-\u200f\u202a-\u202f\u2060-\u2069\ufeff]+"
)
_TRUNK = "(0)"
# A spreadsheet or pandas took the column for numbers.
_AS_A_FLOAT = re.compile(r"(\+?[0-9]{9,15})\.0")
_INTERNATIONAL = re.compile(r"(?:\+|00|011)([1-9][0-9]{6,14})", re.ASCII)
_BARE = re.compile(r"[1-9][0-9]{8,14}", re.ASCII)
_SHORT_CODE = re.compile(r"[1-9][0-9]{2,7}", re.ASCII)
# Ten digits as they are written in North America; others begin with a calling code.
_NORTH_AMERICAN = re.compile(r"[2-9][0-9]{2}[2-9][0-9]{6}", re.ASCII)


def normal(text: str) -> str | None:
    """Return a number as callbacks have it: ``+12065550100``, or a short code's digits.

    Args:
        text: ``+1 206 555 0100``, ``(206) 555-0100``, ``12065550100``,
            ``tel:+1-206-555-0100``, ``0044 7700 900123``, ``'+12065550100``, ``24365``.

    Returns:
        E.164 with its plus; three to eight digits that stand alone are a short code.
        Ten digits of the North American form get +1, others that have no plus begin
        with their calling code. None for what is no number, or one of a country that it
        does not name.
    """
    if _NORMAL.fullmatch(text):
        return text
    plain = _SCHEME.sub("", text.strip().lstrip("'"), count=1).partition(";")[0].strip()
    if whole := _AS_A_FLOAT.fullmatch(plain):
        plain = whole[1]
    compact = _SEPARATORS.sub("", plain.replace(_TRUNK, ""))
    if with_prefix := _INTERNATIONAL.fullmatch(compact):
        return f"+{with_prefix[1]}"
    if _NORTH_AMERICAN.fullmatch(compact):
        return f"+1{compact}"
    if _BARE.fullmatch(compact):
        return f"+{compact}"
    return compact if compact == plain and _SHORT_CODE.fullmatch(compact) else None
