"""An archive of many small files, made quickly: what a worker leaves after 26 hours."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.transaction import AddAction

from streams.archive import schema, table
from streams.core.positions import transaction_id

LOG_ID = "a-log"
PARTITIONS = 8
_BEGIN_US = 1_795_500_000_000_000
_SPAN_US = 26 * 3_600 * 1_000_000
_FILES_A_COMMIT = 500


def rows_of_file(number: int, rows: int, files: int) -> pa.Table:
    """Return the rows of one flush: all partitions, random ids, 26 hours in all.

    Args:
        number: Its place among the files.
        rows: How many; a multiple of the partitions.
        files: How many files there are in all.
    """
    share = rows // PARTITIONS
    draw = np.random.default_rng(number)
    ids = draw.bytes(rows * 14).hex()
    numbers = draw.integers(2_000_000_000, 9_999_999_999, rows)
    times = (
        _BEGIN_US + (_SPAN_US * number + np.arange(rows) * _SPAN_US // rows) // files
    )
    times = np.sort(times.reshape(share, PARTITIONS), axis=0).T.reshape(-1)
    received_at = pa.array(times // 1_000 * 1_000, schema.UTC_MICROSECONDS)
    offsets = number * share + np.tile(np.arange(share), PARTITIONS)
    known = {
        "log_id": pa.repeat(LOG_ID, rows),
        "kafka_partition": pa.array(
            np.repeat(np.arange(PARTITIONS), share), pa.int32()
        ),
        "kafka_offset": pa.array(offsets, pa.int64()),
        "kafka_index": pa.array(np.zeros(rows), pa.int32()),
        "received_at": received_at,
        "received_date": pc.cast(received_at, pa.date32()),
        "event_type": pa.repeat("message-delivered", rows),
        "event_time": received_at,
        "destination": pa.array([f"+{n}" for n in numbers]),
        "destination_country": pa.repeat("US", rows),
        "message_id": pa.array([ids[i * 28 : i * 28 + 28] for i in range(rows)]),
        "application_id": pa.repeat("cfd4fb83-7531-4acc-b471-42d0bb76a65c", rows),
        "is_copy": pa.repeat(pa.scalar(value=False), rows),
    }
    return pa.table(
        [known.get(f.name, pa.nulls(rows, f.type)) for f in schema.CALLBACKS],
        schema=schema.CALLBACKS,
    )


def make(data_dir: Path, rows: int, files: int, made: int) -> None:
    """Make the first files of an archive, all of them counted.

    Args:
        data_dir: A data folder without an archive.
        rows: Rows a file.
        files: How many files there will be in all.
        made: How many to make now.
    """
    table.callbacks(data_dir)
    path = schema.callbacks_path(data_dir)
    for begin in range(0, made, _FILES_A_COMMIT):
        end = min(begin + _FILES_A_COMMIT, made)
        adds = list(_files(path, range(begin, end), rows, files))
        _move(path, adds, end * rows // PARTITIONS)
    table.window_counts(data_dir).commit(
        schema.WINDOW_COUNTS.empty_table(),
        {transaction_id(LOG_ID, p): 0 for p in range(PARTITIONS)},
        positions(rows, made),
    )


def positions(rows: int, made: int) -> dict[str, int]:
    """Return the positions behind so many files, by transaction id."""
    at = rows * made // PARTITIONS
    return {transaction_id(LOG_ID, p): at for p in range(PARTITIONS)}


def _files(path: Path, places: range, rows: int, files: int) -> Iterator[AddAction]:
    for number in places:
        found = rows_of_file(number, rows, files)
        day = str(found["received_date"][0])
        name = f"received_date={day}/part-{number:07d}.parquet"
        (path / name).parent.mkdir(exist_ok=True)
        pq.write_table(
            found.drop_columns(["received_date"]),
            path / name,
            compression="zstd",
            use_dictionary=["log_id", "event_type", "application_id"],
        )
        size = (path / name).stat().st_size
        yield AddAction(
            name, size, {"received_date": day}, 0, data_change=True, stats=_stats(found)
        )


def _stats(rows: pa.Table) -> str:
    low, high = {"log_id": LOG_ID}, {"log_id": LOG_ID}
    for name in ("kafka_partition", "kafka_offset", "received_at"):
        ends = pc.min_max(rows[name])
        low[name], high[name] = (_written(ends[k]) for k in ("min", "max"))
    stats = {"numRecords": len(rows), "minValues": low, "maxValues": high}
    return msgspec.json.encode(stats | {"nullCount": {}}).decode()


def _written(value: pa.Scalar) -> object:
    found = value.as_py()
    return found if isinstance(found, int) else found.isoformat().replace("+00:00", "Z")


def _move(path: Path, adds: list[AddAction], position: int) -> None:
    DeltaTable(str(path)).create_write_transaction(
        adds,
        "append",
        schema.CALLBACKS,
        ["received_date"],
        commit_properties=CommitProperties(
            app_transactions=[
                Transaction(transaction_id(LOG_ID, p), position)
                for p in range(PARTITIONS)
            ]
        ),
    )
