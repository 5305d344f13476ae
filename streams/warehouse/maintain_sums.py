"""Sums by the day beside table window_counts: made where they are missing.

They are a copy of what the table has: a kill leaves them missing, and reports read the
counts by the minute until the next run.
"""

import tempfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from streams.archive import day_sums
from streams.archive.day_sums import FOLDER, SUPERSEDED, Dated, Month
from streams.archive.table import CommitFailedOrUnknownError
from streams.archive.upkeep import File, Upkeep
from streams.warehouse import connection, maintain_counts, queries

# Small groups of rows: a report of few days reads few of them.
_FORM = "format parquet, compression zstd, row_group_size 61440"


def missing(counts: Upkeep) -> list[tuple[Month, list[File]]]:
    """Return the months of the snapshot whose sums are not there, and their files."""
    files = {file.path: file for file in counts.files()}
    there = set(_names(counts))
    return [
        (month, [files[path] for path in month.sources])
        for month in _months(files.values())
        if month.name not in there
    ]


def _months(files: Iterable[File]) -> list[Month]:
    return day_sums.months(Dated(file.path, file.date) for file in files)


def _names(counts: Upkeep) -> list[str]:
    return [f"{FOLDER}/{name}" for name in counts.place.names(FOLDER)]


class Written(NamedTuple):
    """What a file of sums has: rows, and bytes."""

    rows: int
    size: int


def write(counts: Upkeep, month: Month, files: list[File]) -> Written:
    """Sum a month, and keep it.

    Raises:
        CommitFailedOrUnknownError: They cannot be written.
    """
    query = queries.shipped_queries()["sums_by_day"]
    taken = maintain_counts.counts_alone(counts, files)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            connection.connect_over(taken) as opened,
        ):
            opened.execute(f"set memory_limit = '{maintain_counts.MEMORY_LIMIT}'")
            target = Path(folder) / "sums.parquet"
            [(rows,)] = opened.execute(
                f"copy ({query.sql}) to '{target}' ({_FORM})"
            ).fetchall()
            size = target.stat().st_size
            counts.place.put(month.name, target)
    except (duckdb.Error, OSError) as error:
        reason = counts.place.reason(error)
        raise CommitFailedOrUnknownError(
            f"{counts.place}: its sums by the day cannot be written: {reason}"
        ) from error
    return Written(rows, size)


def remove_old(counts: Upkeep, grace: timedelta, now: datetime) -> None:
    """Remove sums that no snapshot asks for any more since longer than the grace.

    That they are superseded is noted the first time that it is seen.
    """
    wanted = {month.name for month in _months(counts.files())}
    names = _names(counts)
    notes = {name for name in names if name.endswith(SUPERSEDED)}
    for name in set(names) - notes - wanted:
        note = f"{name}{SUPERSEDED}"
        if note not in notes:
            _note(counts, note)
        elif _is_older(counts, note, now - grace):
            counts.place.remove([name, note])
    for note in notes:
        name = note.removesuffix(SUPERSEDED)
        if name in wanted or name not in names:
            counts.place.remove([note])


def _note(counts: Upkeep, note: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "note"
        empty.touch()
        counts.place.put(note, empty)


def _is_older(counts: Upkeep, name: str, than: datetime) -> bool:
    written = counts.place.written_at(name)
    return written is not None and written < than
