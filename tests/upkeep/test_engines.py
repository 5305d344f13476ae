"""Other engines read the same tables, and find the same numbers."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from streams.archive import schema
from streams.warehouse import check, connect
from tests.upkeep.writing import LOG

BY_COUNTRY = (
    "select destination_country, outcome, count(*) from events"
    " group by all order by all"
)
BY_CELL = (
    "select country, outcome, sum(events)::bigint, sum(segments)::bigint"
    " from stored_window_counts group by all order by all"
)


def test_polars_reads_the_same_rows(kept: Path) -> None:
    """The events by country and outcome, by polars' own reader of Delta."""
    outcomes = pl.read_csv("sql/reference/outcomes.csv")
    found = (
        pl.scan_delta(str(schema.callbacks_path(kept)))
        .filter(pl.col("problem").is_null() & ~pl.col("is_copy"))
        .join(
            outcomes.lazy().filter(pl.col("error_code").is_not_null()),
            on=["event_type", "error_code"],
            how="left",
        )
        .join(
            outcomes.lazy().filter(pl.col("error_code").is_null()),
            on="event_type",
            how="left",
            suffix="_of_type",
        )
        .with_columns(outcome=pl.coalesce("outcome", "outcome_of_type"))
        .group_by("destination_country", "outcome")
        .len()
        .sort("destination_country", "outcome")
        .collect()
    )

    with connect(kept) as connection:
        assert found.rows() == connection.execute(BY_COUNTRY).fetchall()
    assert len(found) > 4


def test_polars_sums_the_same_counts(kept: Path) -> None:
    """Increments, summed or not, add up to the same."""
    found = (
        pl.scan_delta(str(schema.window_counts_path(kept)))
        .group_by("country", "outcome")
        .agg(pl.col("events").sum(), pl.col("segments").sum())
        .sort("country", "outcome")
        .collect()
    )

    with connect(kept) as connection:
        assert found.rows() == connection.execute(BY_CELL).fetchall()


# --------------------------------------------------------- what the check still finds


@pytest.fixture
def damaged(kept: Path, tmp_path: Path) -> Path:
    """Copy the archive, so that it may be damaged."""
    folder = tmp_path / "data"
    shutil.copytree(kept, folder)
    return folder


def test_removed_file_is_named_with_the_rows_it_had(damaged: Path) -> None:
    """A file that left table callbacks: each stretch of offsets, and each cell."""
    callbacks = DeltaTable(str(schema.callbacks_path(damaged)))
    callbacks.delete("received_date = '2026-11-22'")

    found = check.run(damaged).findings

    missing = [f.found for f in found if f.check == "records_are_not_missing"]
    assert len(missing) == 2
    assert '"from_offset":40,"to_offset":79' in missing[0]
    assert {f.check for f in found} == {
        "records_are_not_missing",
        "window_counts_match_events",
    }


def test_row_that_is_there_twice_is_named(damaged: Path) -> None:
    """Its place in the log, and the cell that it makes wrong."""
    callbacks = DeltaTable(str(schema.callbacks_path(damaged)))
    row = callbacks.to_pyarrow_table().sort_by("kafka_offset").slice(0, 1)
    write_deltalake(callbacks, row, mode="append")
    offset = row["kafka_offset"][0].as_py()

    found = [f.found for f in check.run(damaged).findings if f.check == "callbacks"]

    assert len(found) == 1
    assert f'"log_id":"{LOG}"' in found[0]
    assert f'"kafka_offset":{offset}' in found[0]
    assert '"times":2' in found[0]
