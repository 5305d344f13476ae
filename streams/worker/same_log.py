"""Whether Kafka's log is the one that the archive holds, record for record.

A broker that lost its last records goes on with the same topic id: new records then
have offsets that are archived already. The record before the position tells.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from streams.archive.records import offsets_of, rows_at
from streams.archive.table import ArchiveTable
from streams.core.callbacks import decode
from streams.core.lives import Life
from streams.core.positions import LogShorterError
from streams.worker.single_records import Records
from streams.worker.takeover import Bounds

# What the provider sent, beside the broker's time; no column that an erasure, another
# list of countries or another setting changes. Bytes that were pruned are null.
_COMPARED = (
    "kafka_index",
    "event_type",
    "event_time",
    "error_code",
    "message_id",
)
_RAW = "raw"


Connect = Callable[[], AbstractContextManager[Records]]


class LogDiffersError(LogShorterError):
    """Kafka's log holds another record where the archive has one."""


def require(
    callbacks: ArchiveTable, life: Life, bounds: Mapping[int, Bounds], connect: Connect
) -> None:
    """See that the last archived record of each partition is Kafka's, too.

    Args:
        callbacks: Table callbacks, its snapshot that of the life.
        life: The life that Kafka's log is taken for.
        bounds: Kafka's offsets of the partitions to look at.
        connect: Connects to Kafka; not called where nothing is to be compared.

    Raises:
        LogShorterError: The log ends before the archive does.
        LogDiffersError: The record is another one.
    """
    for partition, bound in bounds.items():
        if bound.end < life.position(partition):
            raise LogShorterError(
                f"Kafka's log of partition {partition} ends at offset {bound.end}, the "
                f"archive at {life.position(partition)}"
            )
    places = last_archived(life, bounds)
    if not places:
        return
    with connect() as records:
        differing = _differing(callbacks, life, places, records)
    for partition, offset in sorted(differing.items()):
        raise LogDiffersError(
            f"Kafka's log of partition {partition} has another record at offset "
            f"{offset} than the archive"
        )


def last_archived(life: Life, bounds: Mapping[int, Bounds]) -> dict[int, int]:
    """Return, by partition, the last archived offset, where Kafka may have it still."""
    last = {partition: life.last(partition) for partition in bounds}
    return {
        partition: offset
        for partition, offset in last.items()
        if offset >= max(life.begin(partition), bounds[partition].begin)
    }


def first_differences(
    callbacks: ArchiveTable, life: Life, bounds: Mapping[int, Bounds], records: Records
) -> dict[int, int]:
    """Find, by partition, the first offset whose record is not the archived one.

    Looked for by bisection: up to some offset all are the same, behind it none is.

    Args:
        callbacks: Table callbacks, its snapshot that of the life.
        life: The life that Kafka's log was taken for.
        bounds: Kafka's offsets of every partition of the topic.
        records: Kafka's records.

    Returns:
        The position where nothing differs.
    """
    same = {partition: life.position(partition) for partition in bounds}
    differing = {p for p in bounds if bounds[p].end < life.position(p)} | _differing(
        callbacks, life, last_archived(life, bounds), records
    ).keys()
    begins = {p: max(life.begin(p), bounds[p].begin) for p in differing}
    for partition, offsets in offsets_of(callbacks, life.log_id, begins).items():

        def differs(offset: int, partition: int = partition) -> bool:
            place = {partition: int(offset)}
            return bool(_differing(callbacks, life, place, records))

        held = [int(offset) for offset in offsets]
        at = bisect_left(held, 1, key=differs)
        same[partition] = held[at - 1] + 1 if at else begins[partition]
    return same


def _differing(
    callbacks: ArchiveTable, life: Life, places: Mapping[int, int], records: Records
) -> dict[int, int]:
    """Return those places, offset by partition, where Kafka's record is another one.

    Where the archive has no row of it any more, nothing can be compared.
    """
    columns = ["received_at", *_COMPARED, _RAW]
    archived = rows_at(callbacks, life.log_id, places, columns) if places else {}
    places = {partition: places[partition] for partition in archived}
    found = records.at(places) if places else {}
    return {
        partition: offset
        for partition, offset in places.items()
        if not _is_same(found.get(partition), offset, archived[partition])
    }


def _is_same(record: Any, offset: int, archived: pa.Table) -> bool:  # noqa: ANN401 - a record of any client
    if record is None or record.offset != offset:
        return False
    received_us = pc.cast(archived["received_at"], pa.int64()).to_pylist()
    if set(received_us) != {record.timestamp * 1_000}:
        return False
    rows = pa.Table.from_batches(list(decode([record.value], keep_text=False)))
    if rows.select(_COMPARED).to_pylist() != archived.select(_COMPARED).to_pylist():
        return False
    both = zip(rows[_RAW].to_pylist(), archived[_RAW].to_pylist(), strict=True)
    return all(kept is None or kept == raw for raw, kept in both)
