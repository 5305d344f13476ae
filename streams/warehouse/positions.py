"""The positions of both tables, of every partition that a commit has ever moved."""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from streams.core import lives
from streams.warehouse import connection, queries

if TYPE_CHECKING:
    import duckdb

    from streams.warehouse.snapshot import Snapshot

# An increment that counts callbacks which were dropped since cannot be compared whole.
_POSITIONS = """
create table positions as
select
    found.*,
    greatest(
        found.kept_from,
        coalesce(
            (
                select max(counts.to_position)
                from stored_window_counts as counts
                where
                    counts.log_id = found.log_id
                    and counts.kafka_partition = found.kafka_partition
                    and counts.from_position < found.kept_from
            ),
            0
        )
    ) as compared_from
from positions_found as found
"""


class Counting(NamedTuple):
    """How far the counts are.

    Attributes:
        compared: Events that are counted, but those in minutes of other rules.
        not_counted: Archived events that table window_counts does not have yet.
    """

    compared: int
    not_counted: int

    @property
    def compared_words(self) -> str:
        """Say how many events were compared."""
        return (
            f"{self.compared:,} {'event' if self.compared == 1 else 'events'} compared"
        )

    @property
    def not_counted_words(self) -> str:
        """Say how many events are archived and not counted yet."""
        are = "event is" if self.not_counted == 1 else "events are"
        return f"{self.not_counted:,} archived {are} not counted yet"


def show(opened: "duckdb.DuckDBPyConnection", taken: "Snapshot") -> None:
    """Make table ``positions``: of every partition of every log, in both tables.

    A partition is in it also when none of its records has a row. ``kept_from`` is the
    offset from which on no callback was dropped for its age, and where a life of the
    log begins; ``compared_from`` the one from which on increments count kept callbacks
    only; ``empty`` how many offsets below the position hold no record.
    """
    names = sorted({name for table in taken.tables for name in table.transactions()})
    logs, partitions = [], []
    for name in names:
        log_id, _, partition = name.rpartition("/")
        logs.append(log_id)
        partitions.append(int(partition))
    places = list(zip(logs, partitions, strict=True))
    found = pa.table(
        {
            "log_id": pa.array(logs, pa.string()),
            "kafka_partition": pa.array(partitions, pa.int32()),
            "archived": pa.array(
                [taken.callbacks.position(*place) for place in places], pa.int64()
            ),
            "counted": pa.array(
                [taken.window_counts.position(*place) for place in places], pa.int64()
            ),
            "kept_from": pa.array(
                [
                    max(
                        taken.callbacks.kept_from(*place),
                        taken.callbacks.mark(*place, lives.BEGIN),
                    )
                    for place in places
                ],
                pa.int64(),
            ),
            "empty": pa.array(
                [taken.callbacks.mark(*place, lives.EMPTY) for place in places],
                pa.int64(),
            ),
        }
    )
    opened.register("positions_found", found)
    opened.execute(_POSITIONS)
    opened.unregister("positions_found")


def not_counted(taken: "Snapshot", log_id: str, received_before: datetime) -> int:
    """Count the callbacks of a log that table window_counts does not have yet.

    Args:
        taken: One snapshot of each table.
        log_id: Life of the topic.
        received_before: Only those received before it.
    """
    query = queries.shipped_queries()["callbacks_not_counted"]
    params = {"log_id": log_id, "received_before": received_before}
    with connection.connect_over(taken) as opened:
        show(opened, taken)
        row = opened.execute(query.sql, params).fetchone()
    assert row is not None  # noqa: S101 - a count is always one row
    return int(row[0])


def counting(opened: "duckdb.DuckDBPyConnection", rules_version: int) -> Counting:
    """Count the events below and beyond the position of table window_counts.

    Args:
        opened: The warehouse, with table ``positions``.
        rules_version: Version of the rules that a recount follows.
    """
    query = queries.shipped_queries()["events_counted"]
    row = opened.execute(query.sql, {"rules_version": rules_version}).fetchone()
    assert row is not None  # noqa: S101 - counts are always one row
    return Counting(*row)
