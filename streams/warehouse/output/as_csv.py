"""CSV for spreadsheets and scripts: RFC 4180 quoting, UTF-8, newline at line ends."""

import csv
import re
from typing import Any, TextIO

from streams.warehouse.output.values import as_text
from streams.warehouse.rows import Rows

# A spreadsheet takes a cell that begins so for a formula and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# A telephone number begins with a plus and computes nothing.
_TELEPHONE_NUMBER = re.compile(r"\+[0-9]+", re.ASCII)

# The csv module quotes a cell for the characters of its line end; a bare carriage
# return would end the row for a reader.
_QUOTED_LINE_END = "\r\n"


class _Lines:
    """Ends each row with a newline alone."""

    def __init__(self, to: TextIO) -> None:
        self._to = to

    def write(self, row: str) -> int:
        """Write one row as the csv module gives it."""
        return self._to.write(row.removesuffix(_QUOTED_LINE_END) + "\n")


def write(rows: Rows, to: TextIO) -> None:
    """Write a header line and the rows.

    Null is an empty cell. Text that a spreadsheet would run as a formula gets an
    apostrophe in front; numbers and telephone numbers such as +14155550123 do not.
    """
    writer = csv.writer(_Lines(to), lineterminator=_QUOTED_LINE_END)
    writer.writerow([_harmless(name) for name in rows.names])
    for row in rows.values:
        writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> str:  # noqa: ANN401 - any value that DuckDB gives
    return _harmless(value) if isinstance(value, str) else as_text(value)


def _harmless(text: str) -> str:
    if text.startswith(_FORMULA) and not _TELEPHONE_NUMBER.fullmatch(text):
        return f"'{text}"
    return text
