"""Parquet: columns with DuckDB's types, for pandas, polars, Spark and spreadsheets."""

from itertools import islice
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from streams.warehouse.output.values import as_text
from streams.warehouse.rows import Rows

_AT_A_TIME = 10_000
_TYPES = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
}


def write(rows: Rows, to: BinaryIO) -> None:
    """Write the rows, some thousands at a time.

    A column of a type that is not in every engine, such as a struct, is its text.
    """
    types = [_type(name) for name in rows.types]
    schema = pa.schema(
        [pa.field(n, t or pa.string()) for n, t in zip(rows.names, types, strict=True)]
    )
    with pq.ParquetWriter(to, schema, compression="zstd") as writer:
        while some := list(islice(rows.values, _AT_A_TIME)):
            columns = [
                pa.array(list(column) if kind else map(_text, column), field.type)
                for column, kind, field in zip(
                    zip(*some, strict=True), types, schema, strict=True
                )
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _type(name: str) -> pa.DataType | None:
    if name.endswith("[]"):
        item = _type(name.removesuffix("[]"))
        return pa.list_(item) if item else None
    return _TYPES.get(name)


def _text(value: object) -> str | None:
    return None if value is None else as_text(value)
