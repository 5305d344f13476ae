"""JSON: an array of objects, one a row, one row a line."""

from typing import TextIO

from streams.warehouse.output.values import as_json
from streams.warehouse.rows import Rows


def write(rows: Rows, to: TextIO) -> None:
    """Write an array of objects; see ``values.as_json_value`` for the values."""
    before = "["
    for row in rows.values:
        to.write(before + "\n" + as_json(dict(zip(rows.names, row, strict=True))))
        before = ","
    to.write("[]\n" if before == "[" else "\n]\n")
