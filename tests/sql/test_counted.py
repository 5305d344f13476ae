"""What the live view reads of a period that it does not hold in memory."""

from datetime import timedelta
from pathlib import Path

import pytest

from streams.warehouse import counted, snapshot
from tests.sql.archive import NOON, Archive, cell

HOUR = timedelta(hours=1)


def files(data_dir: Path) -> list[str]:
    """Name the files of table window_counts."""
    return snapshot.take(data_dir).window_counts.files()


def test_increments_are_summed_by_what_is_asked_for(archive: Archive) -> None:
    """Dimensions that are not asked for are null; increments of a cell are added."""
    minute = timedelta(minutes=1)
    archive.add_counts([cell(3), cell(4, carrier="AT&T"), cell(5, country="MX")])
    archive.add_counts([cell(2, window_start=NOON + minute), cell(9, country=None)])
    asked = counted.Asked(NOON, NOON + HOUR, HOUR, ["country"])

    found = counted.cells(files(archive.data_dir), asked, most=3).to_pylist()

    assert {row["country"]: row["events"] for row in found} == {
        "US": 9,
        "MX": 5,
        None: 9,
    }
    assert {row["window_start"] for row in found} == {NOON}
    assert {(row["carrier"], row["outcome"]) for row in found} == {(None, "delivered")}


def test_period_is_half_open_and_without_windows_one(archive: Archive) -> None:
    """Its start is in, its end is not."""
    archive.add_counts(
        [cell(1, window_start=NOON - HOUR), cell(2), cell(4, window_start=NOON + HOUR)]
    )
    asked = counted.Asked(NOON - HOUR, NOON + HOUR, None, [])

    (row,) = counted.cells(files(archive.data_dir), asked, most=1).to_pylist()

    assert (row["window_start"], row["events"]) == (NOON - HOUR, 3)


def test_countries_are_let_in(archive: Archive) -> None:
    """An empty text stands for a country that was not told."""
    archive.add_counts([cell(1), cell(2, country="MX"), cell(4, country=None)])
    asked = counted.Asked(NOON, NOON + HOUR, None, [], ["", "MX"])

    (row,) = counted.cells(files(archive.data_dir), asked, most=1).to_pylist()

    assert row["events"] == 6


def test_more_cells_than_can_be_held_are_refused(archive: Archive) -> None:
    """Nothing is cut off in silence."""
    archive.add_counts([cell(1), cell(2, country="MX")])
    asked = counted.Asked(NOON, NOON + HOUR, None, ["country"])

    with pytest.raises(counted.TooManyCellsError):
        counted.cells(files(archive.data_dir), asked, most=1)


def test_without_files_there_is_nothing() -> None:
    """The columns are there all the same."""
    asked = counted.Asked(NOON, NOON + HOUR, None, ["country"])

    found = counted.cells([], asked, most=1)

    assert (len(found), "error_code" in found.column_names) == (0, True)
