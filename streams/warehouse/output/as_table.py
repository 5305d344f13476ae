"""A table for a terminal, drawn by rich; what steers a terminal is shown, not sent."""

from collections.abc import Sequence
from itertools import islice
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.warehouse.output.values import as_text, is_number, printable
from streams.warehouse.rows import Rows

MOST_ROWS = 1_000
# One row of more columns is shown one line a column.
_MOST_COLUMNS_ACROSS = 8
# Into a file or a pipe lines are as long as they need to be.
_WIDTH_ELSEWHERE = 10_000


def write(rows: Rows, to: TextIO) -> None:
    """Draw the rows, the first 1,000 of them, and say when there are more."""
    console = Console(file=to, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_ELSEWHERE
    found = list(islice(rows.values, MOST_ROWS + 1))
    shown = found[:MOST_ROWS]
    upright = len(shown) == 1 and len(rows.names) > _MOST_COLUMNS_ACROSS
    console.print(_upright(rows, shown[0]) if upright else _across(rows, shown))
    if len(found) > MOST_ROWS:
        console.print(f"The first {MOST_ROWS:,} rows; --format csv or json gives all.")
    elif not shown:
        console.print("No rows.")


def _across(rows: Rows, shown: Sequence[Sequence[Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, type_ in zip(rows.names, rows.types, strict=True):
        table.add_column(
            _text(name),
            justify="right" if is_number(type_) else "left",
            overflow="fold",
        )
    for row in shown:
        table.add_row(*map(_text, row))
    return table


def _upright(rows: Rows, row: Sequence[Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for name, value in zip(rows.names, row, strict=True):
        table.add_row(_text(name), _text(value))
    return table


def _text(value: Any) -> Text:  # noqa: ANN401 - any value that DuckDB gives
    return Text(printable(as_text(value)))
