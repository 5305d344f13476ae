"""The interactive SQL prompt: statements end with a semicolon."""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer

from streams.archive.site import Where
from streams.settings import ConfigurationError
from streams.warehouse import connection, output, snapshot, statements
from streams.warehouse.output.values import printable

_HELP = """\
Statements end with a semicolon. show tables; lists the views, describe events; the
columns of one. .refresh reads what the worker has archived since. .quit or Ctrl-D ends.
"""
_FIRST, _NEXT = "sql> ", "...> "
Say = Callable[[str], None]


def open_locked(where: Where) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for a person's SQL: read-only, one snapshot.

    Raises:
        ConfigurationError: A table is there and cannot be opened.
    """
    taken = snapshot.take(where)
    opened = connection.connect_over(taken)
    connection.lock(opened, taken)
    return opened


def run(where: Where, form: output.Format, say: Say, history: Path) -> None:
    """Read statements until the end of input; an error ends one, not the prompt.

    Args:
        where: Where the archive lies.
        form: How rows are printed.
        say: Prints a line that is no row.
        history: File of the statements typed before; without one that can be written
            they are forgotten.
    """
    say(_HELP)
    opened = open_locked(where)
    session: PromptSession[str] = PromptSession(
        history=_history(history),
        completer=WordCompleter(_words(opened), ignore_case=True),
        complete_while_typing=False,
        lexer=PygmentsLexer(SqlLexer),
    )
    for statement in _statements(session.prompt):
        if statement == ".quit":
            return
        if statement == ".refresh":
            opened.close()
            opened = open_locked(where)
        elif statement.startswith("."):
            say(_HELP)
        else:
            _answer(opened, statement, form, say)


def _history(path: Path) -> History:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


def _words(opened: duckdb.DuckDBPyConnection) -> list[str]:
    """Return what Tab completes: views, their columns, keywords and functions."""
    found = opened.execute(
        "select table_name from duckdb_tables() "
        "union select view_name from duckdb_views() where not internal "
        "union select column_name from duckdb_columns() where not internal "
        "union select function_name from duckdb_functions() "
        "where regexp_full_match(function_name, '[a-z_0-9]+') "
        "union select keyword_name from duckdb_keywords() order by all"
    ).fetchall()
    return [".help", ".quit", ".refresh", *(word for (word,) in found)]


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
