"""The demo's traffic, archived and counted by the worker's own rules, without Kafka."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
from deltalake import CommitProperties, Transaction, write_deltalake

from streams import reference
from streams.archive import schema
from streams.core import windows
from streams.core.memory import IdentityMemory
from streams.core.outcomes import Outcomes
from streams.core.positions import Span, transaction_id
from streams.core.senders import SenderTypes
from streams.stack import traffic
from streams.worker.chunk import Chunk
from streams.worker.rows import Part, rows_of

SEED = 20_260_504
UNTIL = datetime(2026, 5, 4, 18, tzinfo=UTC)
_LOG = "demo"


class Record(NamedTuple):
    """What the worker reads of Kafka's record."""

    offset: int
    timestamp: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def write(data_dir: Path) -> None:
    """Write both tables of a data folder: a day of traffic that ends at ``UNTIL``.

    The same files are written whenever and wherever this runs, but for their names.
    """
    archive(data_dir, list(_records(traffic.bodies(SEED, UNTIL))), UNTIL.date())


def archive(data_dir: Path, records: Sequence[Record], committed_date: date) -> None:
    """Write records as those of one partition, archived and counted, in one commit."""
    chunk = Chunk(0, Span(0, len(records)), records)
    rows, _ = rows_of([Part(chunk, _LOG, IdentityMemory())], keep_text=False)
    _commit(schema.callbacks_path(data_dir), rows, len(records))
    counts = _counts(rows, committed_date)
    _commit(schema.window_counts_path(data_dir), counts, len(records))


def _records(bodies: Sequence[bytes]) -> Iterator[Record]:
    """Yield records as the broker would have appended them.

    The bodies are in the order in which they are posted, and most are posted within a
    second of their event: the latest event so far says when each one came.
    """
    latest = UNTIL - timedelta(days=2)
    for offset, body in enumerate(bodies):
        latest = max([latest, *_event_times(body)])
        milliseconds = int(latest.timestamp() * 1_000) + 500
        yield Record(offset, milliseconds, body, (("source", b"http"),))


def _event_times(body: bytes) -> Iterator[datetime]:
    try:
        callbacks = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    for callback in callbacks if isinstance(callbacks, list) else [callbacks]:
        if "time" in callback:
            yield datetime.fromisoformat(callback["time"])


def _counts(rows: pa.Table, committed_date: date) -> pa.Table:
    cells = windows.count(
        rows,
        Outcomes.from_rows(reference.table("outcomes")),
        SenderTypes.from_rows(reference.table("sender_types")),
    )
    same = {
        "log_id": _LOG,
        "kafka_partition": 0,
        "from_position": 0,
        "to_position": rows["kafka_offset"][-1].as_py() + 1,
        "committed_date": committed_date,
        "rules_version": schema.RULES_VERSION,
    }
    for name, value in same.items():
        cells = cells.append_column(name, pa.array([value] * len(cells)))
    return cells.select(schema.WINDOW_COUNTS.names).cast(schema.WINDOW_COUNTS)


def _commit(path: Path, rows: pa.Table, position: int) -> None:
    moved = Transaction(transaction_id(_LOG, 0), position)
    write_deltalake(
        str(path),
        rows,
        mode="append",
        partition_by=[name for name in rows.column_names if name.endswith("_date")],
        commit_properties=CommitProperties(app_transactions=[moved]),
    )
