"""A small archive written row by row, with plain deltalake and none of our writers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import CommitProperties, Transaction, write_deltalake

from streams.archive import schema
from streams.warehouse import connect

Row = dict[str, Any]
LOG = "a-log"


def at(text: str) -> datetime:
    """Read a time of 2026-05-04, UTC, to the microsecond."""
    return datetime.fromisoformat(f"2026-05-04T{text}+00:00")


NOON = at("12:00:00")


def callback(offset: int, **changed: Any) -> Row:  # noqa: ANN401 - any column
    """Make a row of table callbacks: a delivered SMS to the US, its own message."""
    received_at = changed.get("received_at", NOON)
    row = dict.fromkeys(schema.CALLBACKS.names) | {
        "log_id": LOG,
        "kafka_partition": 0,
        "kafka_offset": offset,
        "kafka_index": 0,
        "source": "http",
        "received_at": received_at,
        "received_date": received_at.date(),
        "event_type": "message-delivered",
        "event_time": received_at,
        "destination": "+14155550100",
        "destination_country": "US",
        "message_id": f"m{offset}",
        "message_time": received_at - timedelta(seconds=5),
        "direction": "out",
        "sender": "+13035550199",
        "application_id": "app",
        "channel": "SMS",
        "segment_count": 1,
        "is_copy": False,
    }
    return row | changed


def parked(offset: int, **changed: Any) -> Row:  # noqa: ANN401 - any column
    """Make a row of table callbacks that could not be read."""
    kept = {"log_id", "kafka_partition", "kafka_offset", "kafka_index", "source"}
    kept |= {"received_at", "received_date", "is_copy"}
    row = {
        key: value if key in kept else None for key, value in callback(offset).items()
    }
    return row | {"problem": "[0].message.id: missing", "raw": b"[{}]"} | changed


def cell(events: int, **changed: Any) -> Row:  # noqa: ANN401 - any column
    """Make an increment of table window_counts: delivered SMS to the US at noon."""
    row = {
        "log_id": LOG,
        "kafka_partition": 0,
        "from_position": 0,
        "to_position": 100,
        "committed_date": NOON.date(),
        "window_start": NOON,
        "country": "US",
        "carrier": None,
        "application_id": "app",
        "channel": "SMS",
        "sender_type": "long_code",
        "outcome": "delivered",
        "error_code": None,
        "events": events,
        "segments": events,
        "rules_version": schema.RULES_VERSION,
    }
    return row | changed


def sent(message_id: str, **changed: Any) -> Row:  # noqa: ANN401 - any column
    """Make a row of table sent: a message to the US, five seconds before noon."""
    sent_at = changed.get("sent_at", NOON - timedelta(seconds=5))
    row = dict.fromkeys(schema.SENT.names) | {
        "message_id": message_id,
        "destination": "+14155550100",
        "destination_country": "US",
        "sent_at": sent_at,
        "sent_date": sent_at.date(),
        "sender": "+13035550199",
        "application_id": "app",
        "file": "/logs/sent.csv",
        "line": 2,
        "imported_at": NOON,
    }
    return row | changed


class Archive:
    """The Delta tables of a data folder."""

    def __init__(self, data_dir: Path) -> None:
        """Begin with no table."""
        self.data_dir = data_dir

    def add_callbacks(
        self, rows: Sequence[Row], positions: Mapping[int, int] | None = None
    ) -> None:
        """Commit callbacks; positions by partition, default after the last offset."""
        after = {row["kafka_partition"]: 0 for row in rows}
        for row in rows:
            partition = row["kafka_partition"]
            after[partition] = max(after[partition], row["kafka_offset"] + 1)
        path = schema.callbacks_path(self.data_dir)
        names = {(row["log_id"], row["kafka_partition"]) for row in rows}
        _write(path, rows, schema.CALLBACKS, _moves(names, positions or after))

    def move_callbacks(self, positions: Mapping[str, int]) -> None:
        """Move positions of table callbacks, by transaction id, without any row."""
        moves = [Transaction(name, version) for name, version in positions.items()]
        path = schema.callbacks_path(self.data_dir)
        _write(path, [], schema.CALLBACKS, moves)

    def add_counts(
        self, rows: Sequence[Row], positions: Mapping[int, int] | None = None
    ) -> None:
        """Commit increments; positions by partition, default their ``to_position``."""
        after = {row["kafka_partition"]: row["to_position"] for row in rows}
        path = schema.window_counts_path(self.data_dir)
        names = {(row["log_id"], row["kafka_partition"]) for row in rows}
        _write(path, rows, schema.WINDOW_COUNTS, _moves(names, positions or after))

    def add_gap(
        self, first: int, last: int, partition: int = 0, noticed_at: datetime = NOON
    ) -> None:
        """Note offsets, first to last, that Kafka deleted before they were archived."""
        row = {
            "log_id": LOG,
            "kafka_partition": partition,
            "from_offset": first,
            "to_offset": last,
            "noticed_at": noticed_at,
        }
        _write(schema.gaps_path(self.data_dir), [row], schema.GAPS, [])

    def add_sent(self, rows: Sequence[Row]) -> None:
        """Commit rows of table sent."""
        _write(schema.sent_path(self.data_dir), rows, schema.SENT, [])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query in a new warehouse over the archive."""
        with connect(self.data_dir) as connection:
            return connection.execute(sql).fetchall()


def _moves(
    names: Iterable[tuple[str, int]], positions: Mapping[int, int]
) -> list[Transaction]:
    return [
        Transaction(f"{log_id}/{partition}", positions[partition])
        for log_id, partition in sorted(names)
    ]


def _write(
    path: Path, rows: Sequence[Row], columns: pa.Schema, moves: list[Transaction]
) -> None:
    write_deltalake(
        str(path),
        pa.Table.from_pylist(list(rows), schema=columns),
        mode="append",
        partition_by=[name for name in columns.names if name.endswith("_date")],
        commit_properties=CommitProperties(app_transactions=moves),
    )


def outcomes_in_sql(
    data_dir: Path, pairs: Sequence[tuple[str, int | None]]
) -> list[str]:
    """Ask the view events for the outcome of each (type, error code)."""
    archive = Archive(data_dir)
    archive.add_callbacks(
        [
            callback(offset, event_type=event_type, error_code=error_code)
            for offset, (event_type, error_code) in enumerate(pairs)
        ]
    )
    found = archive.rows("select outcome from events order by kafka_offset")
    return [outcome for (outcome,) in found]


def sender_types_in_sql(
    data_dir: Path, senders: Sequence[str | None]
) -> list[str | None]:
    """Ask the view events for the type of each sender."""
    archive = Archive(data_dir)
    archive.add_callbacks(
        [callback(offset, sender=sender) for offset, sender in enumerate(senders)]
    )
    found = archive.rows("select sender_type from events order by kafka_offset")
    return [sender_type for (sender_type,) in found]


def utc(rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Give every time the zone object UTC, so that rows are easy to read."""
    return [
        tuple(v.astimezone(UTC) if isinstance(v, datetime) else v for v in row)
        for row in rows
    ]


def warehouse(archive: Archive) -> duckdb.DuckDBPyConnection:
    """Open a warehouse over the archive; close it with ``with``."""
    return connect(archive.data_dir)
