"""The demo's traffic, read, archived and counted by the program's own rules."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from deltalake import write_deltalake

from streams import reference
from streams.archive import schema
from streams.core import windows
from streams.core.memory import IdentityMemory
from streams.core.outcomes import Outcomes
from streams.core.positions import Span
from streams.core.senders import SenderTypes
from streams.worker.chunk import Chunk
from streams.worker.rows import Part, rows_of


class _Record(NamedTuple):
    offset: int
    timestamp: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def archive(data_dir: Path, bodies: Sequence[bytes], received_at: datetime) -> None:
    """Archive bodies as the records of one partition, all received at one time."""
    milliseconds = int(received_at.timestamp() * 1_000)
    records = [_Record(n, milliseconds, body) for n, body in enumerate(bodies)]
    chunk = Chunk(0, Span(0, len(records)), records)
    part = Part(chunk, "a-log", IdentityMemory())
    rows, _ = rows_of([part], keep_text=False)
    _append(schema.callbacks_path(data_dir), rows)
    _append(schema.window_counts_path(data_dir), _increments(rows, received_at))


def _increments(rows: pa.Table, committed_at: datetime) -> pa.Table:
    cells = windows.count(
        rows,
        Outcomes.from_rows(reference.table("outcomes")),
        SenderTypes.from_rows(reference.table("sender_types")),
    )
    same = {
        "log_id": "a-log",
        "kafka_partition": 0,
        "from_position": 0,
        "to_position": len(rows),
        "committed_date": committed_at.date(),
        "rules_version": schema.RULES_VERSION,
    }
    for name, value in same.items():
        cells = cells.append_column(name, pa.array([value] * len(cells)))
    return cells.select(schema.WINDOW_COUNTS.names).cast(schema.WINDOW_COUNTS)


def _append(path: Path, rows: pa.Table) -> None:
    dates = [name for name in rows.column_names if name.endswith("_date")]
    write_deltalake(str(path), rows, mode="append", partition_by=dates)
