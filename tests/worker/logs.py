"""A small log of records, as a fetch would bring it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable

from streams import reference
from streams.archive import table
from streams.core.outcomes import Outcomes
from streams.core.positions import Span
from streams.core.senders import SenderTypes
from streams.topics import Log
from streams.worker import saving
from streams.worker.chunk import Chunk
from streams.worker.commits import commit_counts, commit_rows
from streams.worker.partition import Partition, Rules
from streams.worker.takeover import Bounds, take_over

LOG = Log("log-1", 1)
RULES = Rules(
    outcomes=Outcomes.from_rows(reference.table("outcomes")),
    sender_types=SenderTypes.from_rows(reference.table("sender_types")),
    keep_text=False,
)
BEGIN_MS = int(datetime(2026, 5, 4, 10, tzinfo=UTC).timestamp() * 1000)
NOTHING: Mapping[int, Partition] = {}
Tables = tuple[table.ArchiveTable, table.ArchiveTable]


@dataclass(frozen=True, slots=True)
class Record:
    """What the worker reads of aiokafka's record."""

    offset: int
    timestamp: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """What Kafka has of partition 0, to be read one by one."""

    records: Sequence[Record]

    def at(self, places: Mapping[int, int]) -> dict[int, Record]:
        """Return the first record at or behind an offset."""
        behind = [r for r in self.records if r.offset >= places.get(0, 1 << 62)]
        return {0: behind[0]} if behind else {}


def body(message_id: str, **fields: object) -> bytes:
    """Return a record's value with one small callback."""
    callback = {
        "type": "message-failed",
        "errorCode": 4770,
        "time": "2026-05-04T10:00:30Z",
        "to": "+12065550100",
        "message": {"id": message_id},
    }
    return json.dumps([callback | fields]).encode()


def chunk(records: Sequence[Record], start: int | None = None) -> Chunk:
    """Return records as one fetch brought them."""
    begin = records[0].offset if start is None else start
    return Chunk(0, Span(begin, records[-1].offset + 1), records)


def tables(data_dir: Path) -> Tables:
    """Open both tables anew, as another process would."""
    return table.callbacks(data_dir), table.window_counts(data_dir)


def take_over_partition(
    both: Tables, end: int, begin: int = 0, held: Mapping[int, Partition] = NOTHING
) -> Partition:
    """Take partition 0 over from the tables."""
    return take_over(LOG, {0: Bounds(begin, end)}, both, RULES, held)[0]


def save(partition: Partition) -> None:
    """Save what the partition remembers at its archived position."""
    for found in saving.gather([partition]):
        found.chain.append(found.end, found.log_time_us, found.parts)


def archive(both: Tables, partition: Partition) -> None:
    """Commit what the partition gained to table callbacks."""
    cut = partition.cut()
    if cut is not None:
        commit_rows(both, [cut])
        partition.archive(cut)


def count(both: Tables, partition: Partition) -> None:
    """Commit the counts up to the archived position."""
    gain = partition.gain()
    if gain is not None:
        commit_counts(both, [gain])
        partition.count(gain)


def rows(data_dir: Path, name: str) -> list[dict[str, Any]]:
    """Read a table by its files, without our code."""
    found = DeltaTable(str(data_dir / "archive" / name))
    parts = [pq.ParquetFile(uri).read() for uri in found.file_uris()]
    return pa.concat_tables(parts).to_pylist() if parts else []


def cells(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Add increments up by cell, in order."""
    keys = ["window_start", "country", "outcome", "error_code"]
    if not found:
        return []
    summed = pa.Table.from_pylist(found).group_by(keys).aggregate([("events", "sum")])
    summed = summed.filter(pc.greater(summed["events_sum"], 0))
    return sorted((tuple(row.values()) for row in summed.to_pylist()), key=str)
