"""Table gaps: offsets whose records Kafka deleted before anybody archived them.

A position moves past such offsets in a commit of table callbacks that also says which
they are. The rows here follow from that commit, so that each offset is in exactly one
row, and none is that was archived after all.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa

from streams.archive import schema, table
from streams.archive.site import Where
from streams.archive.table import ArchiveTable
from streams.core import lives
from streams.core.positions import transaction_id


class Gap(NamedTuple):
    """Offsets that are lost: the first and the last of them."""

    log_id: str
    partition: int
    first: int
    last: int


def record(
    where: Where, life: lives.Life, partitions: Iterable[int], now: datetime
) -> list[Gap]:
    """Record the last gaps of partitions, where they are not yet.

    Args:
        where: Where the archive lies.
        life: The topic's life as a snapshot of table callbacks has it.
        partitions: Those to look at.
        now: The current time, UTC.

    Returns:
        What was not recorded before.

    Raises:
        CommitRefusedError: Another worker records gaps right now; look again.
        CommitFailedOrUnknownError: The table cannot be read or written.
    """
    gaps = {p: gap for p in partitions if (gap := life.gap(p)) is not None}
    if not gaps:
        return []
    held = table.gaps(where)
    names = {p: transaction_id(life.log_id, p) for p in gaps}
    # Not positions: how often gaps of the partition were recorded.
    before = {name: held.position(life.log_id, p) for p, name in names.items()}
    known = _recorded(held)
    new = [
        Gap(life.log_id, p, first, behind - 1)
        for p, gap in gaps.items()
        for first, behind in lives.without(gap, known.get((life.log_id, p), ()))
    ]
    if new:
        touched = {names[gap.partition] for gap in new}
        held.commit(
            _rows(new, now),
            {name: before[name] for name in touched},
            {name: before[name] + 1 for name in touched},
        )
    return new


def _recorded(held: ArchiveTable) -> dict[tuple[str, int], list[lives.Range]]:
    found: dict[tuple[str, int], list[lives.Range]] = {}
    for file in held.files():
        with held.place.parquet(file["path"]) as parquet:
            for row in parquet.read().to_pylist():
                place = (row["log_id"], row["kafka_partition"])
                part = (row["from_offset"], row["to_offset"] + 1)
                found.setdefault(place, []).append(part)
    return found


def _rows(gaps: Iterable[Gap], now: datetime) -> pa.Table:
    rows = [
        {
            "log_id": gap.log_id,
            "kafka_partition": gap.partition,
            "from_offset": gap.first,
            "to_offset": gap.last,
            "noticed_at": now,
        }
        for gap in gaps
    ]
    return pa.Table.from_pylist(rows, schema=schema.GAPS)
