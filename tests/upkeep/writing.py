"""Writes both tables as workers do, and knows what has to be in them."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from streams import reference
from streams.archive import schema, table
from streams.archive.site import Where
from streams.core import windows
from streams.core.outcomes import Outcomes
from streams.core.positions import transaction_id
from streams.core.senders import SenderTypes
from tests.sql.archive import callback, parked

LOG = "a-log"
OUTCOMES = Outcomes.from_rows(reference.table("outcomes"))
SENDER_TYPES = SenderTypes.from_rows(reference.table("sender_types"))
KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"destination_country": "CA"},
    {"event_type": "message-failed", "error_code": 4770, "carrier_name": "AT&T"},
    {"event_type": "message-failed", "error_code": 9902, "segment_count": None},
    {"event_type": "message-sending", "channel": "MMS"},
    {"is_copy": True},
)


class Writer:
    """Every partition of one log, written by one worker."""

    def __init__(self, where: Where, partitions: int = 2, seed: int = 1) -> None:
        """Open both tables; begin at their positions."""
        self.callbacks = table.callbacks(where)
        self.counts = table.window_counts(where)
        self.partitions = partitions
        self._random = random.Random(seed)  # noqa: S311 - not a secret
        self._position = {
            p: self.callbacks.position(LOG, p) for p in range(self.partitions)
        }
        self._counted = {
            p: self.counts.position(LOG, p) for p in range(self.partitions)
        }
        self._waiting: list[pa.Table] = []
        self.events = 0
        self.rows = 0

    def flush(self, received_at: datetime, rows: int = 10) -> None:
        """Commit some callbacks of each partition."""
        made = [
            self._row(partition, self._position[partition] + number, received_at)
            for partition in range(self.partitions)
            for number in range(rows)
        ]
        found = pa.Table.from_pylist(made, schema=schema.CALLBACKS)
        before = dict(self._position)
        after = {p: position + rows for p, position in before.items()}
        self.callbacks.commit(found, _named(before), _named(after))
        self._position = after
        self._waiting.append(found)
        self.rows += len(found)

    def _row(self, partition: int, offset: int, received_at: datetime) -> Any:  # noqa: ANN401
        if self._random.random() < 0.02:
            return parked(
                offset,
                kafka_partition=partition,
                received_at=received_at,
                received_date=received_at.date(),
            )
        late = timedelta(minutes=self._random.choice([0, 0, 0, 1, 90]))
        return callback(
            offset,
            kafka_partition=partition,
            received_at=received_at,
            event_time=received_at - late,
            message_id=f"{offset}-{self._random.getrandbits(48):x}",
            **self._random.choice(KINDS),
        )

    def count(
        self, committed_date: date, rules_version: int = schema.RULES_VERSION
    ) -> None:
        """Commit the counts of what was flushed since the last time."""
        rows = pa.concat_tables(self._waiting)
        self._waiting = []
        increments = []
        for partition in range(self.partitions):
            mine = rows.filter(pa.compute.equal(rows["kafka_partition"], partition))
            cells = windows.count(mine, OUTCOMES, SENDER_TYPES)
            self.events += sum(cells["events"].to_pylist())
            places = {
                "log_id": LOG,
                "kafka_partition": partition,
                "from_position": self._counted[partition],
                "to_position": self._position[partition],
                "committed_date": committed_date,
                "rules_version": rules_version,
            }
            increments += [row | places for row in cells.to_pylist()]
        found = pa.Table.from_pylist(increments, schema=schema.WINDOW_COUNTS)
        self.counts.commit(found, _named(self._counted), _named(self._position))
        self._counted = dict(self._position)

    def day(self, day: date, commits: int = 6, flushes: int = 3) -> None:
        """Write a day: so many commits of counts, each after some flushes."""
        begin = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
        for number in range(commits):
            for part in range(flushes):
                self.flush(begin + timedelta(minutes=number, seconds=part * 5))
            self.count(day)


def _named(places: dict[int, int]) -> dict[str, int]:
    return {transaction_id(LOG, p): position for p, position in places.items()}


def cells(data_dir: Path) -> Counter[tuple[Any, ...]]:
    """Sum the counts by cell and partition, read by none of our readers."""
    from deltalake import DeltaTable  # noqa: PLC0415

    rows = DeltaTable(str(schema.window_counts_path(data_dir))).to_pyarrow_table()
    found: Counter[tuple[Any, ...]] = Counter()
    for row in rows.to_pylist():
        place = (row["log_id"], row["kafka_partition"])
        cell = tuple(str(row[name]) for name in windows.DIMENSIONS)
        found[(*place, *cell, "events")] += row["events"]
        found[(*place, *cell, "segments")] += row["segments"]
    return found
