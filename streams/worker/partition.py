"""One partition that this worker holds: its position, memory, rows and counts."""

from dataclasses import dataclass, field

import pyarrow as pa

from streams.archive import schema
from streams.core import identity, windows
from streams.core.outcomes import Outcomes
from streams.core.positions import Verdict, judge
from streams.core.senders import SenderTypes
from streams.worker.chunk import Chunk
from streams.worker.rows import rows_of

_NO_ROWS = schema.CALLBACKS.empty_table()


@dataclass(frozen=True, slots=True)
class Rules:
    """What the worker needs to read and count a callback."""

    outcomes: Outcomes
    sender_types: SenderTypes
    keep_text: bool

    def count(self, rows: pa.Table) -> pa.Table:
        """Count rows of table callbacks: Kafka's records and archived rows alike."""
        return windows.count(rows, self.outcomes, self.sender_types)


@dataclass(slots=True)
class Cut:
    """What a partition gained since its last commit, taken out to be committed."""

    partition: "Partition"
    rows: pa.Table
    cells: list[pa.Table]
    before: int
    after: int


@dataclass(slots=True)
class Partition:
    """A partition between two commits.

    Attributes:
        number: Kafka's partition number.
        log_id: The log its positions belong to.
        position: Offset of the next record to take in.
        began: The position at the takeover: P, or the first offset that Kafka still has
            where it deleted records before they were archived.
        archived: P, the position of table callbacks.
        counted: Q, the position of table window_counts; never beyond P.
        memory: The identities it remembers.
        rows: Rows from P to the position, not committed yet.
        cells: Increments of counts from P to the position.
        archived_cells: Increments from Q to P, archived but not committed as counts.
    """

    number: int
    log_id: str
    position: int
    archived: int
    counted: int
    memory: identity.IdentityMemory
    began: int = field(init=False)
    rows: list[pa.Table] = field(default_factory=list)
    cells: list[pa.Table] = field(default_factory=list)
    archived_cells: list[pa.Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with no rows, at the position."""
        self.began = self.position

    @property
    def waiting_rows(self) -> int:
        """Return how many rows wait for a commit."""
        return sum(len(rows) for rows in self.rows)

    def take_in(self, chunk: Chunk, rules: Rules) -> Verdict:
        """Take a chunk in as far as it is next; say what was done with it."""
        verdict = judge(chunk.span, self.position)
        if verdict in (Verdict.DROP, Verdict.SEEK):
            return verdict
        if verdict is Verdict.TRIM:
            chunk = chunk.since(self.position)
        rows = rows_of(chunk, self.log_id, self.memory, keep_text=rules.keep_text)
        cells = rules.count(rows)
        self.rows.append(rows)
        self.cells.append(cells)
        self.position = chunk.span.end
        return verdict

    def cut(self) -> Cut:
        """Take out what was gained since the last commit of table callbacks.

        Raises:
            ValueError: The position would move behind rows that are not here.
        """
        if not self.rows and self.position not in {self.archived, self.began}:
            raise ValueError(f"no rows up to position {self.position}")
        rows = pa.concat_tables([_NO_ROWS, *self.rows])
        cut = Cut(self, rows, self.cells, self.archived, self.position)
        self.rows, self.cells = [], []
        return cut

    def archive(self, cut: Cut) -> None:
        """Note that a cut is committed to table callbacks."""
        self.archived = cut.after
        self.archived_cells.extend(cut.cells)

    def uncounted(self) -> pa.Table:
        """Return what the cells gained from Q to P, and keep it merged."""
        merged = windows.merge(self.archived_cells)
        self.archived_cells = [merged]
        return merged

    def count_up_to(self, position: int) -> None:
        """Note that table window_counts is committed up to a position."""
        self.counted = position
        self.archived_cells = []
