"""Rates for people: percentages with their interval, or that too few are known."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from streams.warehouse.rows import Rows

TOO_FEW = "too few to tell"
INTERVAL = ("low", "high")
_ENOUGH = "enough"
_COUNTRY, _COUNTRY_NAME = "country", "country_name"
# In other cells, or less use than the room they take on a screen of 80 characters.
_NOT_SHOWN = (*INTERVAL, _ENOUGH, _COUNTRY_NAME, "fault")
_WITH_INTERVAL = ("failure_rate", "silent_rate", "rate")
_Row = Mapping[str, Any]


def presentable(rows: Rows) -> Rows:
    """Put what belongs together in a report's rows into one cell.

    That is a rate, its interval and whether it is of enough messages; and a country's
    code and name.

    Rows without the columns low, high and enough stay as they are.
    """
    if not has_rates(rows):
        return rows
    shown = [name for name in rows.names if name not in _NOT_SHOWN]
    types = dict(zip(rows.names, rows.types, strict=True))
    sure = next((name for name in _WITH_INTERVAL if name in shown), "")
    cells: dict[str, Callable[[_Row], Any]] = {
        name: _cell(name, with_interval=name == sure) for name in shown
    }

    def present(row: Sequence[Any]) -> tuple[Any, ...]:
        named = dict(zip(rows.names, row, strict=True))
        return tuple(cell(named) for cell in cells.values())

    return Rows(
        tuple(name.replace("_", " ") for name in shown),
        tuple("DOUBLE" if _is_rate(name) else types[name] for name in shown),
        map(present, rows.values),
    )


def has_rates(rows: Rows) -> bool:
    """Tell whether rows have rates with an interval."""
    return {*INTERVAL, _ENOUGH} <= set(rows.names)


def _is_rate(name: str) -> bool:
    return name == "rate" or name.endswith("_rate")


def _cell(name: str, *, with_interval: bool) -> Callable[[_Row], Any]:
    if name == _COUNTRY:
        return country
    if not _is_rate(name):
        return lambda row: row[name]

    def rate(row: _Row) -> str:
        if row[name] is None:
            return ""
        if not row[_ENOUGH]:
            return TOO_FEW
        share = f"{100 * row[name]:.1f} %"
        if not with_interval:
            return share
        return f"{share} ({100 * row['low']:.1f}-{100 * row['high']:.1f})"

    return rate


def country(row: _Row) -> str:
    """Write a country's code and its name."""
    return " ".join(filter(None, (row[_COUNTRY], row.get(_COUNTRY_NAME))))
