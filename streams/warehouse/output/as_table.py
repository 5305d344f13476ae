"""A table for a terminal, drawn by rich; what steers a terminal is shown, not sent."""

import sys
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
# Characters: a cell so short is not folded; longer ones get at least so many.
_SHORT, _LEAST_OF_LONG, _BETWEEN_COLUMNS = 20, 12, 2


def width_of(to: TextIO | None) -> int:
    """Return how many characters fit a line of where a table goes to."""
    return _console(to).width


def is_upright(names: Sequence[str], count: int) -> bool:
    """Tell whether so many rows are drawn one line a column."""
    return count == 1 and len(names) > _MOST_COLUMNS_ACROSS


def write(rows: Rows, to: TextIO, width: int | None = None) -> None:
    """Draw the rows, the first 1,000 of them, and say when there are more.

    Args:
        rows: Read as far as they are drawn.
        to: Where to.
        width: Of a line, characters; None for that of the terminal, or no limit.
    """
    console = _console(to)
    if width:
        console = Console(file=to, highlight=False, force_terminal=False, width=width)
    found = list(islice(rows.values, MOST_ROWS + 1))
    shown = found[:MOST_ROWS]
    upright = is_upright(rows.names, len(shown))
    console.print(
        _upright(rows, shown[0]) if upright else _across(rows, shown, console.width)
    )
    if len(found) > MOST_ROWS:
        console.print(f"The first {MOST_ROWS:,} rows; --format csv or json gives all.")
    elif not shown:
        console.print("No rows.")


def _console(to: TextIO | None) -> Console:
    stream = to or sys.stdout
    # Where rich only takes it for a terminal, as with FORCE_COLOR, nothing is folded.
    console = Console(file=stream, highlight=False, force_terminal=stream.isatty())
    if not console.is_terminal:
        console.width = _WIDTH_ELSEWHERE
    return console


def _across(rows: Rows, shown: Sequence[Sequence[Any]], width: int) -> Table:
    cells = [[_text(value) for value in row] for row in shown]
    names = [_text(name) for name in rows.names]
    whole = _kept_whole([names, *cells], width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name, type_, is_whole in zip(names, rows.types, whole, strict=True):
        table.add_column(
            name,
            justify="right" if is_number(type_) else "left",
            overflow="fold",
            no_wrap=is_whole,
        )
    for row in cells:
        table.add_row(*row)
    return table


def _kept_whole(cells: Sequence[Sequence[Text]], width: int) -> list[bool]:
    """Choose the columns whose cells stay on one line: short ones, if all fit."""
    longest = [
        max(cell.cell_len for cell in column) for column in zip(*cells, strict=True)
    ]
    is_short = [length <= _SHORT for length in longest]
    needed = sum(
        length if short else _LEAST_OF_LONG
        for length, short in zip(longest, is_short, strict=True)
    )
    if needed + _BETWEEN_COLUMNS * len(longest) > width:
        return [False] * len(longest)
    return is_short


def _upright(rows: Rows, row: Sequence[Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for name, value in zip(rows.names, row, strict=True):
        table.add_row(_text(name), _text(value))
    return table


def _text(value: Any) -> Text:  # noqa: ANN401 - any value that DuckDB gives
    return Text(printable(as_text(value)))
