"""Which files of sums lie beside table window_counts, and what each is the sum of.

A file has the sums by the day of event time of all dates of a month that are settled.
Its name is made of the names of the files that it sums, and those never change: as soon
as one of them leaves the table, or a further date is settled, another name is asked
for. Sums may be missing; they are never those of other rows.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

# Delta leaves folders alone whose name begins with an underline.
FOLDER = "_day_sums"
SETTLED = "settled"
SUPERSEDED = ".superseded"
_FORMAT = "1"


@dataclass(frozen=True, slots=True)
class Dated:
    """A file of a snapshot: its path relative to the table, and its date."""

    path: str
    date: date

    @property
    def is_settled(self) -> bool:
        """Tell whether its date was over when it was written."""
        return self.path.rpartition("/")[2].startswith(f"{SETTLED}-")


@dataclass(frozen=True, slots=True)
class Month:
    """The settled dates of a month.

    Attributes:
        name: Of the file of its sums, relative to the table.
        dates: The dates that are in it.
        sources: Paths of the files that it sums: all that the dates have.
    """

    name: str
    dates: tuple[date, ...]
    sources: tuple[str, ...]


def months(files: Iterable[Dated]) -> list[Month]:
    """Choose what is summed of a snapshot: dates all of whose files are settled."""
    found = []
    ordered = sorted(files, key=lambda file: (file.date, file.path))
    for _, of_month in groupby(ordered, key=lambda file: file.date.replace(day=1)):
        dates = groupby(of_month, key=lambda file: file.date)
        whole = {day: files for day, each in dates if _is_whole(files := list(each))}
        if whole:
            found.append(_month(whole))
    return found


def _is_whole(files: Iterable[Dated]) -> bool:
    return all(file.is_settled for file in files)


def _month(whole: dict[date, list[Dated]]) -> Month:
    sources = tuple(file.path for files in whole.values() for file in files)
    content = hashlib.sha256("\n".join(sources).encode()).hexdigest()[:24]
    first = min(whole)
    name = f"{FOLDER}/{_FORMAT}-{first:%Y-%m}-{content}.parquet"
    return Month(name, tuple(whole), sources)
