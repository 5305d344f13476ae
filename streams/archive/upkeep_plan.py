"""Which files of a table are put together; a pure choice out of their statistics."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby

from streams.archive.upkeep import File

# A file of so many callbacks has about 15 MB; putting it together takes about 1 GB.
MOST_ROWS = 1 << 19
# A day that goes on gets files all the time: a few are not worth a transaction.
_FEWEST_TODAY = 8
_FEWEST_LATER = 2


def groups_to_compact(
    files: Iterable[File], today: date, time_column: str
) -> list[list[File]]:
    """Choose small files that become one, group by group.

    Files of one group are of one date and next to each other in time, so that few
    files hold any short period.

    Args:
        files: Of one snapshot.
        today: The current date, UTC.
        time_column: The column whose statistics order the files of a date.
    """
    small = [file for file in files if file.rows < MOST_ROWS // 2]
    chosen = []
    for day, of_day in groupby(sorted(small, key=_date), key=_date):
        fewest = _FEWEST_LATER if day < today else _FEWEST_TODAY
        found = sorted(of_day, key=lambda file: file.lowest[time_column])
        if len(found) >= fewest:
            chosen += [group for group in _filled(found) if len(group) > 1]
    return chosen


def _date(file: File) -> date:
    return file.date


def _filled(files: Sequence[File]) -> list[list[File]]:
    """Split files, in their order, into groups of ``MOST_ROWS`` at most."""
    groups: list[list[File]] = []
    rows = MOST_ROWS
    for file in files:
        if rows + file.rows > MOST_ROWS:
            groups.append([])
            rows = 0
        groups[-1].append(file)
        rows += file.rows
    return groups


def dates_to_settle(files: Iterable[File], today: date, prefix: str) -> list[date]:
    """Choose the past dates of increments that are not one row a cell yet.

    Args:
        files: Of one snapshot of table window_counts.
        today: The current date, UTC.
        prefix: What the names of files begin with that are settled.
    """
    return sorted(
        {
            file.date
            for file in files
            if file.date < today and not file.name.startswith(f"{prefix}-")
        }
    )
