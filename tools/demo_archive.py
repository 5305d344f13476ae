"""The demo's traffic, archived and counted by the worker's own rules, without Kafka."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
from deltalake import CommitProperties, Transaction, write_deltalake

from streams import reference, settings
from streams.archive import schema
from streams.core import windows
from streams.core.memory import IdentityMemory
from streams.core.outcomes import Outcomes
from streams.core.positions import Span, transaction_id
from streams.core.senders import SenderTypes
from streams.intake.importing import sent_asked, sent_run
from streams.stack import traffic
from streams.worker.chunk import Chunk
from streams.worker.rows import Part, rows_of
from tools import demo_sent

SEED = 20_260_504
UNTIL = datetime(2026, 5, 4, 18, tzinfo=UTC)
_LOG = "demo"
# The same archive, five days later: what was told by then will not be told any more.
LATER = "five-days-later"
UNTIL_LATER = UNTIL + timedelta(days=5)
_LATER_MESSAGES, _LATER_HOURS = 200, 3


class Record(NamedTuple):
    """What the worker reads of Kafka's record."""

    offset: int
    timestamp: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def write(data_dir: Path) -> None:
    """Write the tables of a data folder: a day of traffic that ends at ``UNTIL``.

    The same files are written whenever and wherever this runs, but for their names. In
    the folder ``LATER`` is the same with a log of what was sent and some more traffic.
    """
    bodies = traffic.bodies(SEED, UNTIL)
    archive(data_dir, list(_records(bodies, UNTIL)), UNTIL.date())
    later = data_dir / LATER
    shutil.copytree(data_dir / "archive", later / "archive")
    archive(later, list(_records(_more(), UNTIL_LATER)), UNTIL_LATER.date(), LATER)
    _import_sent(later, bodies)


def _more() -> list[bytes]:
    return traffic.bodies(SEED + 1, UNTIL_LATER, _LATER_MESSAGES, _LATER_HOURS)


def _import_sent(data_dir: Path, bodies: Sequence[bytes]) -> None:
    log = data_dir / "sent.csv"
    log.write_text(demo_sent.log(bodies, SEED, UNTIL))
    asked = sent_asked.of([str(log)], [], None)
    sent_run.run(settings.load(data_dir=data_dir), asked, UNTIL_LATER)


def archive(
    data_dir: Path,
    records: Sequence[Record],
    committed_date: date,
    log_id: str = _LOG,
) -> None:
    """Write records as those of one partition, archived and counted, in one commit."""
    chunk = Chunk(0, Span(0, len(records)), records)
    rows, _ = rows_of([Part(chunk, log_id, IdentityMemory())], keep_text=False)
    position = Transaction(transaction_id(log_id, 0), len(records))
    _commit(schema.callbacks_path(data_dir), rows, position)
    counts = _counts(rows, committed_date, log_id)
    _commit(schema.window_counts_path(data_dir), counts, position)


def _records(bodies: Sequence[bytes], until: datetime) -> Iterator[Record]:
    """Yield records as the broker would have appended them.

    The bodies are in the order in which they are posted, and most are posted within a
    second of their event: the latest event so far says when each one came.
    """
    latest = until - timedelta(days=2)
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


def _counts(rows: pa.Table, committed_date: date, log_id: str) -> pa.Table:
    cells = windows.count(
        rows,
        Outcomes.from_rows(reference.table("outcomes")),
        SenderTypes.from_rows(reference.table("sender_types")),
    )
    same = {
        "log_id": log_id,
        "kafka_partition": 0,
        "from_position": 0,
        "to_position": rows["kafka_offset"][-1].as_py() + 1,
        "committed_date": committed_date,
        "rules_version": schema.RULES_VERSION,
    }
    for name, value in same.items():
        cells = cells.append_column(name, pa.array([value] * len(cells)))
    return cells.select(schema.WINDOW_COUNTS.names).cast(schema.WINDOW_COUNTS)


def _commit(path: Path, rows: pa.Table, position: Transaction) -> None:
    write_deltalake(
        str(path),
        rows,
        mode="append",
        partition_by=[name for name in rows.column_names if name.endswith("_date")],
        commit_properties=CommitProperties(app_transactions=[position]),
    )
