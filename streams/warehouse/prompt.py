"""The interactive SQL prompt: statements end with a semicolon."""

import readline
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from streams.settings import ConfigurationError
from streams.warehouse import connection, output, snapshot, statements
from streams.warehouse.output.values import printable

_HELP = """\
Statements end with a semicolon. show tables; lists the views, describe events; the
columns of one. .refresh reads what the worker has archived since. .quit or Ctrl-D ends.
"""
_FIRST, _NEXT = "sql> ", "...> "
Say = Callable[[str], None]


def open_locked(data_dir: Path) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for a person's SQL: read-only, one snapshot.

    Raises:
        ConfigurationError: A table is there and cannot be opened.
    """
    taken = snapshot.take(data_dir)
    opened = connection.connect_over(taken)
    connection.lock(opened, taken)
    return opened


def run(data_dir: Path, form: output.Format, say: Say) -> None:
    """Read statements until the end of input; an error ends one, not the prompt.

    Args:
        data_dir: The data folder.
        form: How rows are printed.
        say: Prints a line that is no row.
    """
    readline.parse_and_bind("tab: complete")
    say(_HELP)
    opened = open_locked(data_dir)
    for statement in _statements(input):
        if statement == ".quit":
            return
        if statement == ".refresh":
            opened.close()
            opened = open_locked(data_dir)
        elif statement.startswith("."):
            say(_HELP)
        else:
            _answer(opened, statement, form, say)


def _answer(
    opened: duckdb.DuckDBPyConnection, statement: str, form: output.Format, say: Say
) -> None:
    try:
        found = statements.run(opened, statement)
        if found is not None:
            output.write(found, form)
    except duckdb.Error as error:
        say(statements.message(error))
    except ConfigurationError as error:
        say(str(error))
    except KeyboardInterrupt:
        say("Interrupted.")


def _statements(read: Callable[[str], str]) -> Iterator[str]:
    """Gather lines into statements; a line that begins with a point is one."""
    lines: list[str] = []
    while True:
        try:
            line = read(_NEXT if lines else _FIRST)
        except EOFError:
            return
        except KeyboardInterrupt:
            lines = []
            continue
        if not lines and line.startswith("."):
            yield printable(line.strip())
            continue
        lines.append(line)
        statement = "\n".join(lines).strip()
        if not statement:
            lines = []
        elif _is_complete(statement):
            lines = []
            yield statement


def _is_complete(text: str) -> bool:
    """Tell whether a text ends with a semicolon that is not in a string or comment."""
    tokens = duckdb.tokenize(text)
    if not tokens or not text.endswith(";"):
        return False
    offset, kind = tokens[-1]
    return kind == duckdb.token_type.operator and text.encode()[offset:] == b";"
