"""What Kafka deleted before it was archived: the rows of table gaps."""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from streams.warehouse.snapshot import Snapshot


class Loss(NamedTuple):
    """A range of offsets that is lost, and when a worker found it."""

    log_id: str
    partition: int
    offsets: int
    noticed_at: datetime


def of(taken: "Snapshot") -> list[Loss]:
    """Return the losses that a snapshot of table gaps knows."""
    table = taken.gaps
    return [
        Loss(
            row["log_id"],
            row["kafka_partition"],
            row["to_offset"] - row["from_offset"] + 1,
            row["noticed_at"],
        )
        for name in table.names()
        if table.place is not None
        for row in table.place.parquet(name).read().to_pylist()
    ]
