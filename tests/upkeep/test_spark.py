"""Spark reads the same tables with the same numbers: `make spark` runs it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from streams.archive import schema
from streams.warehouse import connect

# A Python with pyspark and delta-spark, which are larger than all that we need.
PYTHON = os.environ.get("UNDELIVERED_SPARK_PYTHON", "")
JARS = os.environ.get("UNDELIVERED_SPARK_JARS", "")
ROWS = (
    "select event_type, error_code, destination_country, is_copy, problem is null,"
    " count(*), sum(segment_count)::bigint from stored_callbacks"
    " group by all order by all nulls first"
)
PLACES = (
    "select log_id, kafka_partition, min(kafka_offset), max(kafka_offset),"
    " count(distinct kafka_offset) from stored_callbacks group by all order by all"
)
COUNTS = (
    "select country, outcome, sum(events)::bigint, sum(segments)::bigint"
    " from stored_window_counts group by all order by all"
)


@pytest.mark.spark
@pytest.mark.skipif(not PYTHON, reason="needs an environment of its own: make spark")
@pytest.mark.timeout(1800)
def test_spark_reads_the_same_tables(kept: Path) -> None:
    """Rows, places in the log and counts, of files that upkeep and a worker wrote."""
    program = Path(__file__).with_name("spark_program.py")
    folders = [schema.callbacks_path(kept), schema.window_counts_path(kept)]
    done = subprocess.run(
        [PYTHON, str(program), JARS, *map(str, folders)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    found = json.loads(done.stdout.splitlines()[-1])

    with connect(kept) as connection:
        for name, query in (("rows", ROWS), ("places", PLACES), ("counts", COUNTS)):
            ours = [list(row) for row in connection.execute(query).fetchall()]
            assert found[name] == ours
