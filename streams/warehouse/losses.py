"""What Kafka deleted before it was archived: the rows of table gaps."""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import pyarrow.parquet as pq

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
    return [
        Loss(
            row["log_id"],
            row["kafka_partition"],
            row["to_offset"] - row["from_offset"] + 1,
            row["noticed_at"],
        )
        for file in taken.gaps.files()
        for row in pq.ParquetFile(file).read().to_pylist()
    ]
