"""Which small files of a table become one, and in which order its rows are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from streams.archive import upkeep_plan
from streams.archive.upkeep import File, Upkeep


@dataclass(frozen=True, slots=True)
class Compacting:
    """A table whose small files are put together.

    Attributes:
        table: The table.
        time_column: By which files of a date are next to each other.
        order: Columns by which rows are sorted.
    """

    table: Upkeep
    time_column: str
    order: Sequence[str]

    def groups(self, today: date, day: date | None = None) -> list[list[File]]:
        """Choose the files of the snapshot that become one, of a date or of all."""
        files = [file for file in self.table.files() if day in {None, file.date}]
        return upkeep_plan.groups_to_compact(files, today, self.time_column)

    def sorted_rows(self, files: Sequence[File]) -> pa.Table:
        """Read the rows of files in their order."""
        order = [(column, "ascending") for column in self.order]
        return self.table.read(files).sort_by(order)


def callbacks(table: Upkeep) -> Compacting:
    """Put files of table callbacks together.

    Neighbours in the log have numbers and times that are close: they take few bytes.
    """
    order = ("log_id", "kafka_partition", "kafka_offset", "kafka_index")
    return Compacting(table, "received_at", order)


def sent(table: Upkeep) -> Compacting:
    """Put files of table sent together; rows that cannot be read have no time."""
    order = ("sent_at", "message_id", "destination", "file", "line")
    return Compacting(table, "imported_at", order)
