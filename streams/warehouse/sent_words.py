"""Why a report of messages sent has no rows: nothing imported, or too early to tell."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from streams.warehouse import queries
from streams.warehouse.output import people

if TYPE_CHECKING:
    import duckdb

    from streams.warehouse.snapshot import Snapshot

# A report that depends on one of these reads the logs of messages sent.
_MACROS = {"sent_macros", "reconciliation_macros"}


def are_for(report: queries.Query) -> bool:
    """Tell whether a report is about logs of messages sent."""
    return bool(_MACROS.intersection(report.depends))


def of(
    connection: "duckdb.DuckDBPyConnection",
    taken: "Snapshot",
    given: Mapping[str, Any],
) -> Iterator[str]:
    """Yield sentences for a report that shows no message without any event.

    Args:
        connection: The warehouse.
        taken: The snapshot that it is over.
        given: Parameters of the report, by name.
    """
    if not taken.sent.files():
        yield (
            "No log of messages sent was imported: undelivered import --sent FILE "
            "does that."
        )
        return
    query = queries.shipped_queries()["sent_of_period"]
    params = {name: given[name] for name in query.params}
    found = connection.execute(query.sql, params).fetchone()
    sent, waiting, not_recorded, first, last = found or (0, 0, 0, None, None)
    if not sent and first is not None:
        yield (
            f"The logs imported have no such message; theirs are of "
            f"{people.instant(first)} to {people.instant(last)} UTC."
        )
    if waiting:
        yield (
            f"{waiting:,} of {sent:,} messages have no event yet; one may come until "
            f"97 hours after they were sent. Ask for an earlier time, such as --since "
            f"14d."
        )
    if not_recorded:
        yield (
            f"{not_recorded:,} of {sent:,} messages were sent before any callback was "
            f"kept: nobody knows what became of them."
        )
