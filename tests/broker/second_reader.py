"""A second reader of topic window-counts, from the topic's contract alone.

It shares no line with streams/core/live.py: it keeps every message it has read, and
works the totals out of all of them anew each time it is asked.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from kafka import KafkaConsumer, TopicPartition

TOPIC = "window-counts"
LARGEST = 256 << 10
# window_start, country, carrier, application_id, channel, sender_type, outcome,
# error_code: times as datetimes, absent as None.
Cell = tuple[Any, ...]
DIMENSIONS = (
    "window_start",
    "country",
    "carrier",
    "application_id",
    "channel",
    "sender_type",
    "outcome",
    "error_code",
)


@dataclass(frozen=True, slots=True)
class Message:
    """A message and where it stood in the topic."""

    partition: int
    timestamp_ms: int
    size: int
    content: dict[str, Any]


class SecondReader:
    """Reads the topic from its beginning, and the table when it is asked for totals."""

    def __init__(self, bootstrap_servers: str, data_dir: Path) -> None:
        """Read nothing yet."""
        self.messages: list[Message] = []
        self._table = data_dir / "archive" / "window_counts"
        self._consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers.split(","))
        numbers = self._consumer.partitions_for_topic(TOPIC)
        self._places = [TopicPartition(TOPIC, number) for number in numbers]
        self._consumer.assign(self._places)
        self._consumer.seek_to_beginning(*self._places)

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def read(self) -> list[Message]:
        """Read up to the topic's end as it is now; return what is new."""
        ends = self._consumer.end_offsets(self._places)
        new: list[Message] = []
        while any(self._consumer.position(p) < ends[p] for p in self._places):
            for place, records in self._consumer.poll(timeout_ms=500).items():
                for record in records:
                    content = json.loads(record.value)
                    assert content["partition"] == place.partition
                    size = len(record.value)
                    new.append(
                        Message(place.partition, record.timestamp, size, content)
                    )
        self.messages += new
        return new

    def positions(self) -> dict[int, int]:
        """Return by partition the highest position that a message told."""
        found: dict[int, int] = {}
        for message in self.messages:
            told = message.content["position"]
            found[message.partition] = max(told, found.get(message.partition, 0))
        return found

    def as_of(self) -> int | None:
        """Return the minimum over the partitions of what the last messages claim."""
        last = {
            message.partition: message.content["as_of"] for message in self.messages
        }
        claims = [last.get(place.partition) for place in self._places]
        known = [claim for claim in claims if claim is not None]
        return min(known) if len(known) == len(claims) else None

    def totals(self) -> Counter[Cell] | None:
        """Return the events of each cell; None when the table is to be read again.

        That is so for a moment after each commit: the newest messages are of a base
        that was not there yet when the table was read, or was not told of yet.
        """
        table = DeltaTable(str(self._table)) if self._table.exists() else None
        totals = _sums(table)
        newest: dict[tuple[str, int], int] = {}
        for message in self.messages:
            base = message.content["base"]
            newest[_place(message)] = max(base, newest.get(_place(message), 0))
        for place, base in newest.items():
            name = f"{place[0]}/{place[1]}"
            at = (table.transaction_version(name) if table else None) or 0
            if base > at:
                return None
            # Messages of an older base are in the table by now.
            for cell, events in self._gained(place, at):
                totals[cell] += events
        return totals

    def _gained(self, place: tuple[str, int], base: int) -> Iterator[tuple[Cell, int]]:
        of_base = [
            message.content
            for message in self.messages
            if _place(message) == place and message.content["base"] == base
        ]
        rules = max((content["rules_version"] for content in of_base), default=0)
        best: dict[Cell, tuple[int, int]] = {}
        for content in of_base:
            if content["rules_version"] != rules:
                continue
            for row in content["cells"]:
                cell = (datetime.fromtimestamp(row[0], UTC), *row[1:8])
                if content["position"] >= best.get(cell, (-1, 0))[0]:
                    best[cell] = (content["position"], row[8])
        for cell, (_, events) in best.items():
            yield cell, events


def _place(message: Message) -> tuple[str, int]:
    return message.content["log_id"], message.partition


def _sums(table: DeltaTable | None) -> Counter[Cell]:
    """Add the table's rows up; those of all logs count."""
    sums: Counter[Cell] = Counter()
    for uri in table.file_uris() if table is not None else []:
        rows = pq.ParquetFile(uri).read()
        columns = [rows[name].cast(_type(name)).to_pylist() for name in DIMENSIONS]
        for *cell, events in zip(*columns, rows["events"].to_pylist(), strict=True):
            sums[tuple(cell)] += events
    return sums


def _type(name: str) -> pa.DataType:
    if name == "window_start":
        return pa.timestamp("us", "UTC")
    return pa.int32() if name == "error_code" else pa.string()


def by(cells: Counter[Cell], *names: str) -> Counter[Cell]:
    """Sum cells by some of their dimensions."""
    places = [DIMENSIONS.index(name) for name in names]
    found: Counter[Cell] = Counter()
    for cell, events in cells.items():
        found[tuple(cell[place] for place in places)] += events
    return found
