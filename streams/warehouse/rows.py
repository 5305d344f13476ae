"""Rows as a query gives them, with their columns' names and types."""

from collections.abc import Iterator, Mapping, Sequence
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

    def without(self, *names: str) -> "Rows":
        """Leave columns out; those that are not there need not be."""
        kept = [place for place, name in enumerate(self.names) if name not in names]

        def cut(row: Sequence[Any]) -> tuple[Any, ...]:
            return tuple(row[place] for place in kept)

        return Rows(cut(self.names), cut(self.types), map(cut, self.values))

    def with_columns(self, columns: Mapping[str, Sequence[str]]) -> "Rows":
        """Add columns of text behind the others, each with a cell for each row."""
        added = zip(*columns.values(), strict=True)

        def wider() -> Iterator[Sequence[Any]]:
            for row, cells in zip(self.values, added, strict=True):
                yield (*row, *cells)

        return Rows(
            (*self.names, *columns), (*self.types, *["VARCHAR"] * len(columns)), wider()
        )


def one(columns: Mapping[str, tuple[str, Any]]) -> Rows:
    """Make one row of each column's type and value, by its name."""
    types = tuple(kind for kind, _ in columns.values())
    values = tuple(value for _, value in columns.values())
    return Rows(tuple(columns), types, iter([values]))


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
