"""Markdown: a table to paste into a ticket or a chat."""

import re
from typing import TextIO

from streams.warehouse.output.values import as_text, is_number, printable
from streams.warehouse.rows import Rows

# What would end a cell, or begin a link, a picture, HTML, code or emphasis.
_SPECIAL = re.compile(r"([\\|`*\[\]<>&~])")


def write(rows: Rows, to: TextIO) -> None:
    """Write the rows as a table; their text stays text."""
    to.write(_line([_escaped(name) for name in rows.names]))
    to.write(_line(["---:" if is_number(type_) else "---" for type_ in rows.types]))
    to.writelines(
        _line([_escaped(as_text(value)) for value in row]) for row in rows.values
    )


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", printable(text))
