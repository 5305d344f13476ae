"""One worker of the model: it moves data, and asks the rules what to do with it."""

from collections import Counter, deque
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from streams.core import memory, positions
from streams.core.memory import IdentityMemory
from streams.core.positions import (
    Answer,
    Fate,
    LogShorterError,
    Move,
    Span,
    Standing,
    Then,
    Verdict,
)
from tests.protocol.oracle import BrokenError
from tests.protocol.world import Cell, Log, Record, RefusedError, Row, Table, World

Steps = Generator[None, None, None]
# How a commit may end badly; "unforeseen" is an error that nobody thought of.
FATES = (
    "failed",
    "answer lost",
    "interrupted",
    "unforeseen",
    "unforeseen, made",
)
# delta-rs refuses an append beside which files were rewritten; it is tried again.
_TRIES = 5


@dataclass(frozen=True)
class Chunk:
    """What one fetch brought."""

    partition: int
    span: Span
    records: Sequence[Record]


@dataclass
class Held:
    """A partition that is held: positions, memory, rows and counts."""

    log_id: str
    partition: int
    standing: Standing
    memory: IdentityMemory
    rows: list[Row] = field(default_factory=list)
    cells: Counter[Cell] = field(default_factory=Counter)
    archived_cells: Counter[Cell] = field(default_factory=Counter)
    has_rows: bool = False


@dataclass(frozen=True)
class Gain:
    """What a commit takes of one partition: rows for one table, cells for the other."""

    held: Held
    move: Move
    rows: list[Row]
    cells: Counter[Cell]


class Worker:
    """A process; each ``yield`` of its operations is a place where others may act."""

    def __init__(self, world: World) -> None:
        """Start a process on the log that Kafka has now."""
        self.world = world
        self.log_id = world.log.log_id
        self.held: dict[int, Held] = {}
        self.let_go: dict[int, Held] = {}
        self.fetch_at: dict[int, int] = {}
        self.queue: deque[Chunk] = deque()
        self.operation: Steps | None = None
        self.fate = ""
        self.paused_for = 0
        self.has_ended = False

    # ------------------------------------------------------------------ operations

    def begin(self, operation: Steps) -> None:
        """Begin an operation; one at a time, as under the holding's lock."""
        if self.operation is None:
            self.operation = operation

    def step(self) -> None:
        """Go on with the operation to its next place of rest."""
        if self.operation is not None and next(self.operation, self) is self:
            self.operation = None

    def run(self) -> None:
        """Go on with the operation to its end."""
        while self.operation is not None:
            self.step()

    def reassign(self, numbers: Collection[int]) -> Steps:
        """Let everything go, then take partitions over, as a rebalance does."""
        yield from self.flush(counts=True)
        if self.has_ended:
            return
        self.let_go, self.held = self.held, {}
        yield
        taken = yield from self._load(numbers, self.let_go)
        self.held, self.let_go = taken, {}

    def flush(self, *, counts: bool) -> Steps:
        """Commit rows, then, if wanted, the counts of what is archived."""
        gains = [gain for held in self.held.values() if (gain := self._cut(held))]
        done = yield from self._commit(self.world.callbacks, gains)
        if done and counts:
            gains = [g for held in self.held.values() if (g := self._gain(held))]
            yield from self._commit(self.world.window_counts, gains)

    def _cut(self, held: Held) -> Gain | None:
        move = self.world.rules.move_of_rows(held.standing, has_rows=held.has_rows)
        if move is None:
            return None
        gain = Gain(held, move, held.rows, held.cells)
        held.rows, held.cells, held.has_rows = [], Counter(), False
        return gain

    def _gain(self, held: Held) -> Gain | None:
        move = self.world.rules.move_of_counts(held.standing)
        if move is None:
            return None
        return Gain(held, move, [], Counter(held.archived_cells))

    def _commit(self, table: Table, gains: list[Gain]) -> Generator[None, None, bool]:
        """Commit gains, and go on as the answer asks for."""
        rules = self.world.rules
        if not gains:
            return True
        if rules.asks_for_the_log and self.world.log.log_id != self.log_id:
            self.end()
            return False
        answer = yield from self._write(table, gains)
        then = rules.after_commit(answer)
        if then is Then.GO_ON:
            for gain in gains:
                self._note(table, gain)
        elif then is Then.END:
            self.end()
        elif then is Then.HOLD_NOTHING:
            self.held = {}
        else:
            yield
            yield from self._look_again(table, gains, answer)
        return then is Then.GO_ON

    def _note(self, table: Table, gain: Gain) -> None:
        """Note that a gain is in the table."""
        held = gain.held
        if table is self.world.callbacks:
            held.standing = held.standing.committed_rows(gain.move)
            held.archived_cells.update(gain.cells)
        else:
            held.standing = held.standing.committed_counts(gain.move)
            held.archived_cells = Counter()

    def _look_again(self, table: Table, gains: list[Gain], answer: Answer) -> Steps:
        """Find out what became of gains; begin again where others were faster."""
        rules = self.world.rules
        overtaken = {}
        for gain in gains:
            held = gain.held
            name = rules.transaction_id(held.log_id, held.partition)
            fate = rules.fate_of(gain.move, table.positions.get(name, 0), answer)
            if fate is Fate.MADE:
                self._note(table, gain)
            elif fate is Fate.OVERTAKEN:
                overtaken[held.partition] = held
            elif table is self.world.callbacks:
                held.rows = [*gain.rows, *held.rows]
                held.cells = gain.cells + held.cells
                held.has_rows = True
        for number in overtaken:
            del self.held[number]
        if overtaken:
            taken = yield from self._load(list(overtaken), overtaken)
            self.held.update(taken)

    def _write(self, table: Table, gains: list[Gain]) -> Generator[None, None, Answer]:
        rules = self.world.rules
        names = [rules.transaction_id(g.held.log_id, g.held.partition) for g in gains]
        before = dict(zip(names, [g.move.before for g in gains], strict=True))
        after = dict(zip(names, [g.move.after for g in gains], strict=True))
        added: list[Any] = [row for gain in gains for row in gain.rows]
        if table is self.world.window_counts:
            added = [gain.cells for gain in gains]
        for _ in range(_TRIES):
            snapshot, seen = dict(table.positions), table.version
            if rules.moved(before, snapshot):
                return Answer.REFUSED
            yield
            fate, self.fate = self.fate, ""
            if fate in {"failed", "unforeseen"}:
                return Answer.UNKNOWN if fate == "failed" else Answer.UNFORESEEN
            if fate == "interrupted":  # its thread writes on, and nobody waits for it
                write = partial(table.append, added, after, snapshot, seen)
                self.world.strays.append(write)
                return Answer.INTERRUPTED
            try:
                table.append(added, after, snapshot, seen)
            except RefusedError:
                continue
            yield
            if fate == "answer lost":
                return Answer.UNKNOWN
            return Answer.UNFORESEEN if fate else Answer.DONE
        return Answer.REFUSED

    # -------------------------------------------------------------------- takeover

    def _load(
        self, numbers: Collection[int], known: Mapping[int, Held]
    ) -> Generator[None, None, dict[int, Held]]:
        """Make partitions as the tables have them; keep what agrees with them."""
        rules, world = self.world.rules, self.world
        for _ in range(_TRIES * 4):
            log = world.log
            if rules.asks_for_the_log and log.log_id != self.log_id:
                self.end()  # one process, one log: chunks of the old one are on the way
                return {}
            names = {p: rules.transaction_id(log.log_id, p) for p in numbers}
            bounds = yield from self._bounds(log, names)
            yield
            self._pass_gaps(names, bounds)
            tables = [world.window_counts, world.callbacks]
            read: list[dict[int, int]] = []
            for table in tables if rules.asks_for_q_first else reversed(tables):
                yield
                read.append({p: table.positions.get(n, 0) for p, n in names.items()})
            counted, archived = read if rules.asks_for_q_first else reversed(read)
            if all(begin <= archived[p] <= end for p, (begin, end) in bounds.items()):
                break  # else somebody archived, or retention deleted, meanwhile
        else:
            raise BrokenError("a takeover never comes to its end")
        taken: dict[int, Held] = {}
        for number in numbers:
            begun = rules.start(archived[number], counted[number], *bounds[number])
            standing = positions.taken_over(begun, archived[number])
            held = Held(log.log_id, number, standing, IdentityMemory())
            taken[number] = self._recalled(held, known.get(number))
        self.fetch_at.update({p: held.standing.position for p, held in taken.items()})
        return taken

    def _bounds(
        self, log: Log, names: Mapping[int, str]
    ) -> Generator[None, None, dict[int, tuple[int, int]]]:
        """Ask Kafka where the log begins and ends: behind the positions.

        Raises:
            LogShorterError: It ends before what is archived.
        """
        rules, bounds = self.world.rules, {}
        if not rules.asks_for_bounds_last:
            bounds = {p: (log.begin[p], log.end[p]) for p in names}
            yield
        positions_now = self.world.callbacks.positions
        archived = {p: positions_now.get(name, 0) for p, name in names.items()}
        if rules.asks_for_bounds_last:
            yield
            bounds = {p: (log.begin[p], log.end[p]) for p in names}
        for number, (_, end) in bounds.items():
            if end < archived[number]:
                raise LogShorterError(end, archived[number])
        return bounds

    def _pass_gaps(
        self, names: Mapping[int, str], bounds: Mapping[int, tuple[int, int]]
    ) -> None:
        """Move positions past what Kafka deleted before it was archived."""
        table, rules = self.world.callbacks, self.world.rules
        snapshot, seen = dict(table.positions), table.version
        moves = {
            names[number]: begin
            for number, (begin, _) in bounds.items()
            if begin > snapshot.get(names[number], 0)
        }
        if rules.passes_gaps and moves:
            table.append([], moves, snapshot, seen)

    def _recalled(self, held: Held, known: Held | None) -> Held:
        """Return a partition: what is known of it, or made of the archived rows."""
        rules, archived = self.world.rules, held.standing.archived
        if known and known.log_id != held.log_id:
            known = None
        if known and rules.may_keep(known.standing, archived, held.standing.counted):
            return known
        rows = [
            row
            for row in self.world.callbacks.rows
            if (row.log_id, row.partition) == (held.log_id, held.partition)
            and row.offset < archived
        ]
        rows.sort(key=lambda row: (row.offset, row.index))
        if known and rules.has_seen_no_more(known.standing, archived):
            held.memory = known.memory
            self._remember(held.memory, rows, known.standing.position)
        else:
            latest = max((row.received_us for row in rows), default=0)
            oldest = memory.oldest_held_us(latest)
            recent = [row.offset for row in rows if row.received_us >= oldest]
            self._remember(held.memory, rows, min(recent, default=0))
        held.archived_cells = self._count(
            [row for row in rows if row.offset >= held.standing.counted]
        )
        return held

    def _remember(
        self, remembered: IdentityMemory, rows: Sequence[Row], begin: int
    ) -> None:
        """Bring a memory up from archived rows from an offset on."""
        rules = self.world.rules
        if not rules.remembers:
            return
        new = [row for row in rows if row.offset >= begin]
        enters = [rules.remembers_copies or not row.is_copy for row in new]
        numbers = [r.identity * e for r, e in zip(new, enters, strict=True)]
        remembered.take_in(
            np.array(numbers, np.uint64),
            np.array([row.received_us for row in new], np.int64),
        )

    # ---------------------------------------------------------------------- chunks

    def fetch(self, number: int, most: int, *, over_markers: bool) -> None:
        """Fetch a partition's next records, as aiokafka does, from whatever log it is.

        Args:
            number: The partition.
            most: How many records at most.
            over_markers: The next fetch continues behind the markers that follow.
        """
        log, at = self.world.log, self.fetch_at.get(number)
        if at is None:
            return
        if not log.begin[number] <= at <= log.end[number]:
            at = log.begin[number]  # out of range: the client begins at the earliest
        records = log.fetch(number, at, most)
        if not records:
            return
        after = records[-1].offset + 1
        while over_markers and log.is_marker(number, after):
            after += 1
        first, last = records[0].offset, records[-1].offset
        span = self.world.rules.spanned(first, last, at, after)
        self.fetch_at[number] = after
        self.queue.append(Chunk(number, span, records))

    def take_in(self) -> None:
        """Take the oldest chunk on the way in as far as it is next."""
        if not self.queue:
            return
        chunk = self.queue.popleft()
        held = self.held.get(chunk.partition)
        position = held.standing.position if held else None
        verdict = self.world.rules.judge(chunk.span, position)
        if held is None or verdict is Verdict.DROP:
            return
        if verdict is Verdict.SEEK:
            self.fetch_at[chunk.partition] = held.standing.position
            return
        records = chunk.records
        if verdict is Verdict.TRIM:
            records = [r for r in records if r.offset >= held.standing.position]
        rows = self._rows(held, records)
        held.rows.extend(rows)
        held.cells.update(self._count(rows))
        held.has_rows = True
        held.standing = held.standing.took_in(chunk.span)

    def _rows(self, held: Held, records: Sequence[Record]) -> list[Row]:
        places = [
            (record, index, number)
            for record in records
            for index, number in enumerate(record.identities)
        ]
        copies = held.memory.take_in(
            np.array([number for _, _, number in places], np.uint64),
            np.array([record.received_us for record, _, _ in places], np.int64),
        )
        return [
            Row(
                held.log_id,
                held.partition,
                record.offset,
                index,
                record.received_us,
                number,
                bool(is_copy),
            )
            for (record, index, number), is_copy in zip(places, copies, strict=True)
        ]

    def _count(self, rows: Sequence[Row]) -> Counter[Cell]:
        return Counter(
            (row.log_id, row.partition, row.identity)
            for row in rows
            if row.identity and (self.world.rules.counts_copies or not row.is_copy)
        )

    def has_all(self) -> bool:
        """Tell whether every record that is left has been taken in."""
        log = self.world.log
        return all(
            number in self.held
            and not log.fetch(number, self.held[number].standing.position, 1)
            for number in range(len(log.end))
        )

    def end(self) -> None:
        """End the process: all it had in memory is gone."""
        self.has_ended = True
        self.held, self.let_go = {}, {}
        self.queue.clear()
        self.operation = None
