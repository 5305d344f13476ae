"""The check: archive and counts must agree, and every view keep its promises.

It reads one snapshot of each table; workers may go on writing.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

from streams.archive.schema import RULES_VERSION
from streams.archive.site import Where
from streams.warehouse import (
    connection,
    positions,
    promises,
    queries,
    rows,
    snapshot,
    summed,
)
from streams.warehouse.output.values import as_json
from streams.warehouse.positions import Counting

if TYPE_CHECKING:
    import duckdb

    from streams.warehouse.snapshot import Snapshot

# A broken promise is often broken for every row: so many are named.
MOST_ROWS_NAMED = 20
_COLUMNS = ("check", "rule", "found")


class Finding(NamedTuple):
    """Something wrong: which check, what should hold, and the row where it does not."""

    check: str
    rule: str
    found: str


class Result(NamedTuple):
    """What a check found; ``notes`` are no faults.

    Attributes:
        findings: What is wrong.
        notes: What is worth knowing.
        counting: How many events were compared, and how many are not counted yet.
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    counting: Counting = Counting(0, 0)

    @property
    def well(self) -> str:
        """Say, in two lines, that nothing was found and what was compared."""
        return (
            "Nothing is wrong: every cell of the counts equals its recount.\n"
            f"{self.counting.compared_words}; {self.counting.not_counted_words}."
        )

    @property
    def rows(self) -> rows.Rows:
        """Return the findings as rows."""
        return as_rows(self.findings)


def as_rows(findings: Sequence[Finding]) -> rows.Rows:
    """Return findings as rows."""
    return rows.Rows(_COLUMNS, ("VARCHAR",) * len(_COLUMNS), iter(findings))


def run(where: Where) -> Result:
    """Check the archive.

    Raises:
        ConfigurationError: A table is there and cannot be opened.
    """
    taken = snapshot.take(where)
    missing = tuple(_missing_files(taken))
    if missing:
        return Result(missing, ("Nothing else was checked: files are missing.",))
    with connection.connect_over(taken) as opened:
        positions.show(opened, taken)
        summed.show(opened, taken.window_counts)
        findings = (*_failing_checks(opened), *_broken_promises(opened, taken))
        counting = positions.counting(opened, RULES_VERSION)
        return Result(findings, tuple(_notes(opened)), counting)


def _missing_files(taken: "Snapshot") -> Iterator[Finding]:
    for table in taken.all_tables:
        for file in table.missing():
            yield Finding(
                "files_are_there", f"Every file of table {table.name} exists.", file
            )


def _failing_checks(opened: "duckdb.DuckDBPyConnection") -> Iterator[Finding]:
    for query in queries.of_kind("check"):
        for row in _rows(opened, query):
            yield Finding(query.name, query.question, row)


def _notes(opened: "duckdb.DuckDBPyConnection") -> Iterator[str]:
    for query in queries.of_kind("note"):
        for row in _rows(opened, query):
            yield f"{query.name}: {row}"


def _rows(opened: "duckdb.DuckDBPyConnection", query: queries.Query) -> Iterator[str]:
    given = {"rules_version": RULES_VERSION}
    params = {name: given[name] for name in query.params}
    found = rows.of(opened.execute(query.sql, params))
    return iter(()) if found is None else _in_words(found)


def _in_words(found: rows.Rows) -> Iterator[str]:
    """Write each row as one JSON object."""
    for row in found.values:
        yield as_json(dict(zip(found.names, row, strict=True)))


def _broken_promises(
    opened: "duckdb.DuckDBPyConnection", taken: "Snapshot"
) -> Iterator[Finding]:
    """Name the rows that break a promise of a header, some of each."""
    found = (Finding(*each) for each in promises.broken(opened, taken))
    for _, rows_of_a_rule in groupby(found, key=lambda each: (each.check, each.rule)):
        yield from islice(rows_of_a_rule, MOST_ROWS_NAMED)
