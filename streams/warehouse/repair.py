"""Repair of table window_counts: what differs from a recount is derived again.

A correction is an increment like any other: what a cell misses, or has too much, below
the position that was compared. Workers may go on writing; their increments are beyond.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from streams.archive import schema
from streams.archive import table as tables
from streams.archive.site import Where
from streams.archive.upkeep import FENCE
from streams.settings import ConfigurationError
from streams.warehouse import connection, positions, queries, snapshot

if TYPE_CHECKING:
    from streams.warehouse.snapshot import Snapshot

_CHECK = "window_counts_match_events"

_Stretches = Mapping[tuple[str, int], tuple[int, int]]


def run(where: Where) -> int:
    """Derive the cells again that differ from a recount; return how many did.

    Raises:
        ConfigurationError: Another repair or upkeep came between, or the archive cannot
            be written.
    """
    taken = snapshot.take(where)
    table = tables.window_counts(where)
    fence = _fence(taken)
    differences, stretches = _compared(taken)
    if not len(differences):
        return 0
    try:
        table.commit(
            _corrections(differences, stretches),
            {FENCE: fence},
            {FENCE: fence + 1},
        )
    except tables.CommitRefusedError as error:
        raise ConfigurationError(
            "Another repair, or `undelivered maintain`, changed the counts meanwhile: "
            "run check --repair again."
        ) from error
    except tables.CommitFailedOrUnknownError as error:
        raise ConfigurationError(
            f"The counts cannot be repaired ({error}): see that the archive can be "
            f"written, then run check --repair again."
        ) from error
    return len(differences)


def _fence(taken: "Snapshot") -> int:
    table = taken.window_counts.table
    return 0 if table is None else table.transaction_version(FENCE) or 0


def _compared(taken: "Snapshot") -> tuple[pa.Table, _Stretches]:
    """Return the cells that differ, and by log and partition the compared offsets."""
    query = queries.shipped_queries()[_CHECK]
    params = {"rules_version": schema.RULES_VERSION}
    with connection.connect_over(taken) as opened:
        positions.show(opened, taken)
        differences: pa.Table = opened.sql(query.sql, params=params).to_arrow_table()
        found = opened.execute(
            "select log_id, kafka_partition, compared_from, counted from positions"
        ).fetchall()
    stretches = {(log, number): (begin, end) for log, number, begin, end in found}
    return differences, stretches


def _corrections(differences: pa.Table, stretches: _Stretches) -> pa.Table:
    today = datetime.now(UTC).date()
    rows = [
        row
        | {
            "from_position": begin,
            "to_position": end,
            "committed_date": today,
            "events": row["recounted_events"] - row["events"],
            "segments": row["recounted_segments"] - row["segments"],
            "rules_version": schema.RULES_VERSION,
        }
        for row in differences.to_pylist()
        for begin, end in [stretches[row["log_id"], row["kafka_partition"]]]
    ]
    return pa.Table.from_pylist(rows, schema=schema.WINDOW_COUNTS)
