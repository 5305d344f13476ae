"""Rows as a query gives them, with their columns' names and types."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

_AT_A_TIME = 10_000


@dataclass(frozen=True, slots=True)
class Rows:
    """A result that is read once, row by row."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    values: Iterator[Sequence[Any]]

    def first(self, count: int) -> "Rows":
        """Leave all rows out but the first ones."""
        return Rows(self.names, self.types, islice(self.values, count))

    def without(self, name: str) -> "Rows":
        """Leave one column out."""
        place = self.names.index(name)

        def cut(row: Sequence[Any]) -> tuple[Any, ...]:
            return (*row[:place], *row[place + 1 :])

        return Rows(
            tuple(cut(self.names)), tuple(cut(self.types)), map(cut, self.values)
        )


def of(result: "duckdb.DuckDBPyConnection | None") -> Rows | None:
    """Wrap what was executed last; None when it gives no rows."""
    if result is None or not result.description:
        return None
    names = (str(column[0]) for column in result.description)
    types = tuple(str(column[1]) for column in result.description)
    return Rows(_distinct(names), types, _fetch(result))


def _fetch(result: "duckdb.DuckDBPyConnection") -> Iterator[Sequence[Any]]:
    while rows := result.fetchmany(_AT_A_TIME):
        yield from rows


def _distinct(names: Iterator[str]) -> tuple[str, ...]:
    """Number the second and further columns of one name: ``a``, ``a_2``, ``a_3``."""
    given: list[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate in given:
            number += 1
            candidate = f"{name}_{number}"
        given.append(candidate)
    return tuple(given)
