"""ClickHouse fed by a confluent-kafka loop, 120 MB of records a batch: rows and counts.

Strict: JSONEachRow, which refuses a batch in which one callback is unreadable. Lax:
JSONExtract, which makes nothing of what it cannot read, and says nothing.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from benchmarks import reader
from benchmarks.peers.batches import batches
from benchmarks.peers.clickhouse import FIELD_TYPE, FIELDS, ROWS, ClickHouse, quoted

_BATCH_BYTES = 120_000_000


def _insert_strictly(database: ClickHouse, values: Sequence[bytes], file: Path) -> None:
    file.write_bytes(b"\n".join([value[1:-1] for value in values]))
    database.run(
        f"INSERT INTO peers.callbacks SELECT {ROWS.format('')} "
        f"FROM file('{file}', JSONEachRow, {quoted(FIELDS)})"
    )


def _insert_laxly(database: ClickHouse, values: Sequence[bytes], _file: Path) -> None:
    # ClickHouse finds it by its name among the variables of who asks.
    batch = pa.table({"line": pa.array(values, pa.binary())})
    database.run(
        f"INSERT INTO peers.callbacks SELECT {ROWS.format('c.')} FROM (SELECT "
        f"arrayJoin(JSONExtract(assumeNotNull(line), {quoted(f'Array({FIELD_TYPE})')}))"
        f" AS c FROM Python(batch))",
        batch=batch,
    )


def main(servers: str, wanted: int, path: Path, topic: str, way: str) -> None:
    """Insert until so many callbacks are counted."""
    insert = {"strict": _insert_strictly, "lax": _insert_laxly}[way]
    database = ClickHouse(path.with_name("clickhouse"))
    found = batches(servers, topic, _BATCH_BYTES)
    reader.begin()
    while database.counted() < wanted:
        values = next(found)
        if values:
            insert(database, values, path.with_name("batch.json"))
    database.finish(path)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])
