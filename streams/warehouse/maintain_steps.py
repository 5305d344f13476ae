"""What a run of upkeep did, as rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.archive.upkeep import File
from streams.warehouse import rows

_COLUMNS = {
    "table": "VARCHAR",
    "what": "VARCHAR",
    "files": "BIGINT",
    "files_after": "BIGINT",
    "rows": "BIGINT",
    "rows_after": "BIGINT",
    "bytes": "BIGINT",
    "bytes_after": "BIGINT",
}


class Step(NamedTuple):
    """What was done with a table: before, and after it."""

    table: str
    what: str
    files: int
    files_after: int | None
    rows: int | None
    rows_after: int | None
    size: int | None
    size_after: int | None


@dataclass(slots=True)
class Done:
    """What a run did.

    Attributes:
        steps: One for each kind of change of a table, and what each table has now.
        differences: Cells that a recount corrected, one JSON object each.
    """

    steps: list[Step] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def rows(self) -> rows.Rows:
        """Return the steps as rows."""
        return rows.Rows(tuple(_COLUMNS), tuple(_COLUMNS.values()), iter(self.steps))


@dataclass(slots=True)
class Tally:
    """A kind of change of a table, added up."""

    table: str
    what: str
    files: int = 0
    rows: int = 0
    size: int = 0
    _after: tuple[int, int, int] | None = None

    def before(self, files: Sequence[File]) -> None:
        """Add files as they were."""
        self.files += len(files)
        self.rows += sum(file.rows for file in files)
        self.size += sum(file.size for file in files)

    def after(self, files: int, rows_: int, size: int) -> None:
        """Add files as they are now."""
        had = self._after or (0, 0, 0)
        self._after = (had[0] + files, had[1] + rows_, had[2] + size)

    def row(self) -> Step:
        """Return it as one row."""
        files, rows_, size = self._after or (None, None, None)
        return Step(
            self.table, self.what, self.files, files, self.rows, rows_, self.size, size
        )
