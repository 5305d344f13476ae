"""A chunk's records → rows of table callbacks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams import topics
from streams.archive import schema
from streams.core import callbacks, countries, identity
from streams.core.memory import IdentityMemory
from streams.worker.chunk import Chunk


def rows_of(
    chunk: Chunk, log_id: str, memory: IdentityMemory, *, keep_text: bool
) -> pa.Table:
    """Return the chunk's rows in the order of the log, copies marked and remembered.

    Args:
        chunk: Records of one partition, the next ones of its log.
        log_id: The log they belong to.
        memory: What the partition remembers; it takes the chunk's events in.
        keep_text: Keep what a person wrote.

    Returns:
        At least one row a record, in the schema of table callbacks.
    """
    values = [record.value for record in chunk.records]
    batches = list(callbacks.decode(values, keep_text=keep_text))
    if not batches:
        return schema.CALLBACKS.empty_table()
    rows = pa.Table.from_batches(batches).combine_chunks()
    record = rows["record"].to_numpy()
    received_us = _numbers(chunk.records, "timestamp")[record] * 1_000
    received_at = pa.array(received_us, schema.UTC_MICROSECONDS)
    country = countries.countries_of(rows["destination"])
    identities = identity.hashes(rows)
    if rows["problem"].null_count < len(rows):
        is_readable = pc.is_null(rows["problem"])
        country = pc.if_else(is_readable, country, None)
        identities[~is_readable.to_numpy()] = 0
    columns = {name: rows[name] for name in rows.column_names} | {
        "log_id": pa.repeat(log_id, len(rows)),
        "kafka_partition": pa.repeat(pa.scalar(chunk.partition, pa.int32()), len(rows)),
        "kafka_offset": pa.array(_numbers(chunk.records, "offset")[record]),
        "source": _header(chunk.records, topics.SOURCE_HEADER).take(rows["record"]),
        "origin": _header(chunk.records, topics.ORIGIN_HEADER).take(rows["record"]),
        "received_at": received_at,
        "received_date": pc.cast(received_at, pa.date32()),
        "destination_country": country,
        "is_copy": pa.array(memory.take_in(identities, received_us)),
    }
    names = schema.CALLBACKS.names
    return pa.Table.from_arrays([columns[n] for n in names], schema=schema.CALLBACKS)


def _numbers(
    records: Sequence[Any], name: str
) -> "np.ndarray[Any, np.dtype[np.int64]]":
    return np.fromiter(
        (getattr(record, name) for record in records), np.int64, len(records)
    )


def _header(records: Sequence[Any], name: str) -> pa.Array:
    """Return one header of each record as text; null where there is none.

    Most records of a chunk have the same headers: each kind is looked at once.
    """
    kinds = [tuple(record.headers) for record in records]
    texts = {kind: _text(dict(kind).get(name)) for kind in set(kinds)}
    return pa.array([texts[kind] for kind in kinds], pa.string())


def _text(value: bytes | None) -> str | None:
    """Read a header; anybody may produce: what is not UTF-8 is written as escapes."""
    return None if value is None else value.decode("utf-8", "backslashreplace")
