"""Rows → text, in the format asked for: the same four for every command with rows."""

import sys
from collections.abc import Callable
from enum import StrEnum
from typing import BinaryIO, TextIO

from streams.settings import ConfigurationError
from streams.warehouse.output import (
    as_csv,
    as_json,
    as_markdown,
    as_parquet,
    as_table,
)
from streams.warehouse.output.rates import presentable
from streams.warehouse.rows import Rows


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MD = "md"
    PARQUET = "parquet"


_FOR_MACHINES: dict[Format, Callable[[Rows, TextIO], None]] = {
    Format.CSV: as_csv.write,
    Format.JSON: as_json.write,
}
_FOR_PEOPLE: dict[Format, Callable[[Rows, TextIO], None]] = {
    Format.TABLE: as_table.write,
    Format.MD: as_markdown.write,
}


def write(rows: Rows, form: Format, to: TextIO | None = None) -> None:
    """Print rows.

    Args:
        rows: Read to their end, or to the most that a table shows.
        form: ``table`` and ``md`` are for people: rates are percentages with their
            interval, or "too few to tell". ``csv`` and ``json`` keep the numbers, and
            so does ``parquet``, which goes to standard output as bytes.
        to: Where to; standard output by default.

    Raises:
        ConfigurationError: Parquet would go to a terminal.
    """
    if form is Format.PARQUET:
        as_parquet.write(rows, _binary())
        return
    stream = to or sys.stdout
    if form in _FOR_MACHINES:
        _FOR_MACHINES[form](rows, stream)
    else:
        _FOR_PEOPLE[form](presentable(rows), stream)


def _binary() -> BinaryIO:
    if sys.stdout.isatty():
        raise ConfigurationError(
            "--format parquet would send bytes to the terminal: write them to a file, "
            "such as > report.parquet."
        )
    return sys.stdout.buffer
