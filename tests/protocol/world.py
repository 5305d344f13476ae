"""Kafka's topic and the two tables, as far as the protocol sees them."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.protocol.rules import Rules

PARTITIONS = 2


class RefusedError(Exception):
    """The table was changed since the snapshot that a commit was written against."""


@dataclass(frozen=True)
class Record:
    """One record of the topic: its callbacks' identities; 0 stands for a parked one."""

    offset: int
    received_us: int
    identities: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One row of table callbacks."""

    log_id: str
    partition: int
    offset: int
    index: int
    received_us: int
    identity: int
    is_copy: bool


Cell = tuple[str, int, int]  # log, partition, identity: who counts wrongly shows


@dataclass
class Log:
    """One life of the topic.

    Attributes:
        begin: By partition, the first offset that retention has left.
        end: By partition, the offset of the next record.
        records: By partition, every record there ever was; offsets without one hold a
            transaction's marker.
        lost: By partition, offsets that retention deleted before they were archived.
    """

    log_id: str
    begin: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    end: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    records: list[dict[int, Record]] = field(
        default_factory=lambda: [{} for _ in range(PARTITIONS)]
    )
    lost: list[set[int]] = field(
        default_factory=lambda: [set() for _ in range(PARTITIONS)]
    )

    def append(
        self, partition: int, received_us: int, identities: tuple[int, ...]
    ) -> None:
        """Append a record."""
        offset = self.end[partition]
        self.records[partition][offset] = Record(offset, received_us, identities)
        self.end[partition] += 1

    def append_marker(self, partition: int) -> None:
        """Use an offset up without a record, as the end of a transaction does."""
        self.end[partition] += 1

    def is_marker(self, partition: int, offset: int) -> bool:
        """Tell whether an offset is used up without a record."""
        return offset < self.end[partition] and offset not in self.records[partition]

    def fetch(self, partition: int, position: int, most: int) -> list[Record]:
        """Return the next records from a position on."""
        offsets = range(max(position, self.begin[partition]), self.end[partition])
        found = [r for o in offsets if (r := self.records[partition].get(o))]
        return found[:most]


@dataclass
class Table:
    """A Delta table: rows and positions change in one transaction, or neither does."""

    rules: Rules
    rows: list[Any] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    version: int = 0
    rewritten: int = 0

    def append(
        self,
        rows: list[Any],
        after: Mapping[str, int],
        snapshot: Mapping[str, int],
        seen: int,
    ) -> None:
        """Add rows and move positions.

        Args:
            rows: What is added.
            after: Position by transaction id.
            snapshot: The positions in the snapshot that this is written against.
            seen: That snapshot's version.

        Raises:
            RefusedError: One of the positions has moved since, or files of the table
                were rewritten.
        """
        changed = {
            name for name in after if self.positions.get(name) != snapshot.get(name)
        }
        if self.rules.is_fenced and (changed or self.rewritten > seen):
            raise RefusedError(changed)
        self.rows.extend(rows)
        self.positions.update(after)
        self.version += 1

    def rewrite(self) -> None:
        """Compact files: the rows stay, a commit that was on its way is refused."""
        self.version += 1
        self.rewritten = self.version


class World:
    """Everything outside the workers; its clock is moved by hand."""

    def __init__(self, rules: Rules) -> None:
        """Begin with an empty log and empty tables."""
        self.rules = rules
        self.now_us = 0
        self.logs = [Log("log-0")]
        self.callbacks = Table(rules)
        self.window_counts = Table(rules)
        self.strays: list[Callable[[], None]] = []  # writes that nobody waits for

    @property
    def log(self) -> Log:
        """Return the log as Kafka has it now."""
        return self.logs[-1]

    def replace_log(self) -> None:
        """Delete the topic and make it again."""
        self.logs.append(Log(f"log-{len(self.logs)}"))

    def retain(self, partition: int, begin: int) -> None:
        """Delete records below an offset, and note which were not archived yet."""
        log = self.log
        name = self.rules.transaction_id(log.log_id, partition)
        archived = self.callbacks.positions.get(name, 0)
        begin = max(log.begin[partition], min(begin, log.end[partition]))
        log.lost[partition].update(range(max(archived, log.begin[partition]), begin))
        log.begin[partition] = begin

    def write_a_stray(self) -> None:
        """Let a write that nobody waits for any more happen, or be refused."""
        write = self.strays.pop(0)
        with suppress(RefusedError):
            write()

    def sums(self) -> Counter[Cell]:
        """Add up the increments of table window_counts."""
        total: Counter[Cell] = Counter()
        for increment in self.window_counts.rows:
            total.update(increment)
        return total
