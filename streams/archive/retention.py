"""Old rows leave a table by whole dates; the table remembers from where it is whole."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from streams.archive.upkeep import File, Upkeep
from streams.core.positions import transaction_id

# Beside each position <log_id>/<partition>: from which offset on every row is kept.
_KEPT_FROM = "kept-from"
_PLACE = ["log_id", "kafka_partition", "kafka_offset"]


def kept_from_name(log_id: str, partition: int) -> str:
    """Return the name of the transaction that says from where a partition is whole."""
    return f"{transaction_id(log_id, partition)}/{_KEPT_FROM}"


def files_before(files: Iterable[File], before: date) -> list[File]:
    """Return the files of the dates before a date."""
    return [file for file in files if file.date < before]


def drop_callbacks(table: Upkeep, files: Sequence[File]) -> None:
    """Let files of table callbacks leave it, and remember from where it is whole.

    Raises:
        CommitRefusedError: One of them has left the table already.
        CommitFailedOrUnknownError: Anything else.
    """
    floors = {
        name: max(floor, table.position(name))
        for name, floor in _floors(table, files).items()
    }
    table.drop(files, floors)


def _floors(table: Upkeep, files: Sequence[File]) -> Mapping[str, int]:
    """Return, by name, the offset after the last one that the files hold."""
    floors: dict[str, int] = {}
    for file in files:
        with table.place.parquet(file.path) as opened:
            places = opened.read(columns=_PLACE)
        places = places.set_column(0, "log_id", pc.cast(places["log_id"], pa.string()))
        last = places.group_by(_PLACE[:2]).aggregate([("kafka_offset", "max")])
        for row in last.to_pylist():
            name = kept_from_name(row["log_id"], row["kafka_partition"])
            floors[name] = max(floors.get(name, 0), row["kafka_offset_max"] + 1)
    return floors
