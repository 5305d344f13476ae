"""One partition that this worker holds: its position, memory, rows and counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from streams.archive import schema
from streams.archive.remembered_chain import Chain
from streams.core import windows
from streams.core.identity import Hashes
from streams.core.lives import EMPTY, LAST
from streams.core.memory import IdentityMemory
from streams.core.outcomes import Outcomes
from streams.core.positions import (
    Move,
    Standing,
    Verdict,
    judge,
    move_of_counts,
    move_of_rows,
)
from streams.core.senders import SenderTypes
from streams.worker.chunk import Chunk
from streams.worker.fresh import Fresh
from streams.worker.rows import Part, rows_of

_NO_ROWS = pa.Table.from_batches([], schema.CALLBACKS)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the worker needs to read and count a callback."""

    outcomes: Outcomes
    sender_types: SenderTypes
    keep_text: bool

    def count(self, rows: pa.Table) -> pa.Table:
        """Count rows of table callbacks: Kafka's records and archived rows alike."""
        return windows.count(rows, self.outcomes, self.sender_types)

    def count_parts(self, rows: pa.Table, sizes: Sequence[int]) -> list[pa.Table]:
        """Count the rows of each part: the first so many rows are the first part."""
        return windows.count_parts(rows, sizes, self.outcomes, self.sender_types)


@dataclass(slots=True)
class Cut:
    """What a partition gained since its last commit, taken out to be committed."""

    partition: "Partition"
    rows: pa.Table
    cells: list[pa.Table]
    move: Move
    marks: dict[str, int]
    entered: list[tuple[int, Hashes]]
    log_time_us: int
    nbytes: int


@dataclass(slots=True)
class Gain:
    """What a partition's counts gained from Q to P."""

    partition: "Partition"
    cells: pa.Table
    move: Move


@dataclass(slots=True)
class Partition:
    """A partition between two commits.

    Attributes:
        number: Kafka's partition number.
        log_id: The log its positions belong to.
        standing: Its positions.
        memory: The identities it remembers.
        rows: Rows from P to the position, not committed yet.
        cells: Increments of counts from P to the position.
        archived_cells: Increments from Q to P, archived but not committed as counts.
        empty: How many offsets below the position hold no record: markers of
            transactions, records of aborted ones.
        last: Offset of the last record below the position.
        remembered: The position up to which its memory was at hand at the takeover, so
            that no rows below it had to be read; None where it was not.
        chain: The segments that its memory is saved in.
        entered: What entered the memory from the end of the chain to P: generation and
            identities.
        log_time_us: The log's time at P, microseconds.
        waiting_bytes: The memory of ``rows``.
        last_ms: Timestamp of the last record taken in, milliseconds since 1970; None
            when none was.
        committing: The increments of a cut that is being committed.
        fresh: Increments that were not published yet.
    """

    number: int
    log_id: str
    standing: Standing
    memory: IdentityMemory
    rows: list[pa.Table] = field(default_factory=list)
    cells: list[pa.Table] = field(default_factory=list)
    archived_cells: list[pa.Table] = field(default_factory=list)
    empty: int = 0
    last: int = -1
    remembered: int | None = None
    chain: Chain | None = None
    entered: list[tuple[int, Hashes]] = field(default_factory=list)
    log_time_us: int = 0
    waiting_bytes: int = 0
    last_ms: int | None = None
    committing: list[pa.Table] = field(default_factory=list)
    fresh: Fresh = field(default_factory=Fresh)

    @property
    def position(self) -> int:
        """Return the offset of the next record to take in."""
        return self.standing.position

    @property
    def archived(self) -> int:
        """Return P, the position of table callbacks."""
        return self.standing.archived

    @property
    def counted(self) -> int:
        """Return Q, the position of table window_counts; never beyond P."""
        return self.standing.counted

    @property
    def waiting_rows(self) -> int:
        """Return how many rows wait for a commit."""
        return sum(len(rows) for rows in self.rows)

    def take_in(self, chunk: Chunk, rules: Rules) -> Verdict:
        """Take a chunk in as far as it is next; say what was done with it."""
        return take_in([(self, chunk)], rules)[0]

    def took_in(self, chunk: Chunk, rows: pa.Table, cells: pa.Table) -> None:
        """Add what a chunk, all of it next, was read and counted as."""
        self.empty += chunk.span.end - chunk.span.start - len(chunk.records)
        if chunk.records:
            self.last = chunk.records[-1].offset
            self.last_ms = chunk.records[-1].timestamp
        self.rows.append(rows)
        self.waiting_bytes += rows.nbytes
        self.cells = windows.folded([*self.cells, cells])
        self.fresh.add(cells)
        self.standing = self.standing.took_in(chunk.span)

    def cut(self) -> Cut | None:
        """Take out what was gained since the last commit of table callbacks, if any.

        Raises:
            ValueError: The position would move behind rows that are not here.
        """
        move = move_of_rows(self.standing, has_rows=bool(self.rows))
        if move is None:
            return None
        rows = pa.concat_tables([_NO_ROWS, *self.rows])
        marks = {EMPTY: self.empty, LAST: self.last} if self.empty else {}
        cut = Cut(
            self,
            rows,
            self.cells,
            move,
            marks,
            self.memory.take_entered(),
            self.memory.log_time_us,
            self.waiting_bytes,
        )
        self.rows, self.cells, self.committing = [], [], self.cells
        self.waiting_bytes = 0
        return cut

    def put_back(self, cut: Cut) -> None:
        """Take a cut in again whose commit was not made: the next cut holds it, too."""
        self.rows, self.cells = [cut.rows, *self.rows], [*cut.cells, *self.cells]
        self.committing = []
        self.waiting_bytes += cut.nbytes
        self.memory.give_back(cut.entered)

    def archive(self, cut: Cut) -> None:
        """Note that a cut is committed to table callbacks."""
        self.standing = self.standing.committed_rows(cut.move)
        self.archived_cells = windows.folded([*self.archived_cells, *cut.cells])
        self.entered.extend(cut.entered)
        self.log_time_us = cut.log_time_us
        self.committing = []

    def gained(self) -> list[pa.Table]:
        """Return all increments of counts from Q to the position."""
        return [*self.archived_cells, *self.committing, *self.cells]

    def take_fresh(self) -> list[pa.Table] | None:
        """Return the increments since the last call; None when they were too many."""
        return self.fresh.take()

    def uncounted(self) -> pa.Table:
        """Return what the cells gained from Q to P, and keep it merged."""
        merged = windows.merge(self.archived_cells)
        self.archived_cells = [merged]
        return merged

    def gain(self) -> "Gain | None":
        """Return what the counts gained since the last commit of them, if anything."""
        move = move_of_counts(self.standing)
        return None if move is None else Gain(self, self.uncounted(), move)

    def count(self, gain: "Gain") -> None:
        """Note that a gain is committed to table window_counts."""
        self.standing = self.standing.committed_counts(gain.move)
        self.archived_cells = []


@dataclass(frozen=True, slots=True)
class Read:
    """Chunks that were read and remembered, and are not taken in yet.

    Attributes:
        verdicts: What is done with each chunk that was given.
        nexts: Partitions, and of each the records that are next.
        rows: Their rows, partition by partition.
        sizes: How many rows each has.
        cells: What each adds to the counts.
    """

    verdicts: list[Verdict]
    nexts: list[tuple[Partition, Chunk]]
    rows: pa.Table
    sizes: list[int]
    cells: list[pa.Table]

    def take_in(self) -> None:
        """Let the partitions have what was read of them."""
        begin = 0
        for (held, chunk), size, counted in zip(
            self.nexts, self.sizes, self.cells, strict=True
        ):
            held.took_in(chunk, self.rows.slice(begin, size), counted)
            begin += size


def read(found: Sequence[tuple[Partition, Chunk]], rules: Rules) -> Read:
    """Read chunks as far as each is next; of the partitions only memory is changed.

    Args:
        found: Partitions, each once, and the chunk that was fetched of each.
        rules: How callbacks are read and counted.
    """
    verdicts = [judge(chunk.span, held.position) for held, chunk in found]
    nexts = [
        (held, chunk.since(held.position) if verdict is Verdict.TRIM else chunk)
        for (held, chunk), verdict in zip(found, verdicts, strict=True)
        if verdict in (Verdict.ACCEPT, Verdict.TRIM)
    ]
    parts = [Part(chunk, held.log_id, held.memory) for held, chunk in nexts]
    rows, sizes = rows_of(parts, keep_text=rules.keep_text)
    return Read(verdicts, nexts, rows, sizes, rules.count_parts(rows, sizes))


def take_in(found: Sequence[tuple[Partition, Chunk]], rules: Rules) -> list[Verdict]:
    """Take chunks in as far as each is next; say what was done with each."""
    done = read(found, rules)
    done.take_in()
    return done.verdicts
