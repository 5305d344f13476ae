"""What a report's table does without on a narrow screen, so that a row stays a line."""

from collections.abc import Callable, Sequence
from typing import Any

from streams.warehouse.output import as_table
from streams.warehouse.output.values import as_text
from streams.warehouse.rows import Rows

_BETWEEN_COLUMNS = 2
_MEANING, _LONGEST_MEANING, _SHORT_MEANING = "meaning", 44, 24
_COUNTRY = "country"
_Table = tuple[tuple[str, ...], tuple[str, ...], list[tuple[Any, ...]]]


def fitted(rows: Rows, count: int, width: int) -> Rows:
    """Leave out, or shorten, what a screen has no room for, the least needed first.

    Bars go first, then ends of meanings, then the names of countries, then trends, then
    what other columns nearly say. A table that still does not fit is folded when it is
    drawn; one that is drawn upright fits.

    Args:
        rows: Few enough to be held.
        count: How many there are.
        width: Of the screen, characters.
    """
    if as_table.is_upright(rows.names, count):
        return rows
    table: _Table = (rows.names, rows.types, [tuple(row) for row in rows.values])
    steps: tuple[Callable[[_Table], _Table], ...] = (
        _without("bar"),
        _shortened(_MEANING, lambda text: _cut(text, _LONGEST_MEANING)),
        _shortened(_COUNTRY, lambda text: text.partition(" ")[0]),
        _shortened(_MEANING, lambda text: _cut(text, _SHORT_MEANING)),
        _without("trend"),
        _without("unknown rate"),
        # The number says the country; the messages are found by their id.
        _without("country", beside="destination"),
        _without("tag", beside="message id"),
        _without("first at", beside="last at"),
        _without("age"),
        _without("tracked"),
    )
    for step in steps:
        if _needed(table) <= width:
            break
        table = step(table)
    return Rows(table[0], table[1], iter(table[2]))


def _needed(table: _Table) -> int:
    names, _, rows = table
    columns: Sequence[Sequence[Any]] = list(zip(names, *rows, strict=True))
    longest = (max(len(as_text(cell)) for cell in column) for column in columns)
    return sum(length + _BETWEEN_COLUMNS for length in longest)


def _without(name: str, beside: str = "") -> Callable[[_Table], _Table]:
    """Leave a column out, where another one is beside it if that is asked for."""

    def step(table: _Table) -> _Table:
        names, types, rows = table
        if beside and beside not in names:
            return table
        kept = [place for place, each in enumerate(names) if each != name]

        def cut(row: Sequence[Any]) -> tuple[Any, ...]:
            return tuple(row[place] for place in kept)

        return cut(names), cut(types), [cut(row) for row in rows]

    return step


def _shortened(name: str, shorter: Callable[[str], str]) -> Callable[[_Table], _Table]:
    def step(table: _Table) -> _Table:
        names, types, rows = table
        if name not in names:
            return table
        place = names.index(name)
        return names, types, [_replaced(row, place, shorter) for row in rows]

    return step


def _replaced(
    row: tuple[Any, ...], place: int, shorter: Callable[[str], str]
) -> tuple[Any, ...]:
    return (*row[:place], shorter(as_text(row[place])), *row[place + 1 :])


def _cut(text: str, length: int) -> str:
    """Cut a text behind a word, or within its first where that is longer."""
    if len(text) <= length:
        return text
    begun = text[:length]
    words, _, rest = begun.rpartition(" ")
    return (words or rest[:-1]) + "…"
