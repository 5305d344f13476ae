"""Running a person's SQL: nothing in it can write to a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from streams.settings import ConfigurationError
from streams.warehouse import rows
from streams.warehouse.output.values import printable

if TYPE_CHECKING:
    from streams.warehouse.rows import Rows

# A locked connection may open the archive's files. COPY is the one statement that could
# overwrite them, also within EXPLAIN ANALYZE and PREPARE.
_REFUSED_KEYWORD = "copy"


def run(connection: duckdb.DuckDBPyConnection, sql: str) -> "Rows | None":
    """Run statements and return the rows of the last; None when it gives none.

    Args:
        connection: Locked by ``connection.lock``.
        sql: One or more statements.

    Raises:
        ConfigurationError: It would write a file, or there is no statement.
        duckdb.Error: DuckDB refuses it, now or while the rows are read.
    """
    if not _has_statement(sql):
        raise ConfigurationError(
            'There is no statement: give one, such as `undelivered sql "show tables"`.'
        )
    if _REFUSED_KEYWORD in _keywords(sql):
        raise ConfigurationError(
            "COPY is not available here: the archive is only read. Write a result with "
            '--format csv or json; a column of that name is written "copy".'
        )
    return rows.of(connection.execute(sql))


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Turn what DuckDB says about a wrong statement into an error for people.

    Raises:
        ConfigurationError: With DuckDB's message and the place in the statement. What
            is not the statement's fault, such as a file that cannot be read, passes.
    """
    try:
        yield
    except duckdb.OperationalError:
        raise
    except duckdb.Error as error:
        raise ConfigurationError(message(error)) from error


def message(error: duckdb.Error) -> str:
    """Return DuckDB's message with its line that points at the place."""
    return "\n".join(printable(line) for line in str(error).splitlines())


def _has_statement(sql: str) -> bool:
    """Tell whether a text holds more than blanks, comments and semicolons."""
    return any(
        kind != duckdb.token_type.comment and sql.encode()[offset:][:1] != b";"
        for offset, kind in duckdb.tokenize(sql)
    )


def _keywords(sql: str) -> set[str]:
    """Return the keywords of a text in lower case; quoted words are none."""
    content = sql.encode()
    tokens = duckdb.tokenize(sql)
    ends = [offset for offset, _ in tokens[1:]] + [len(content)]
    return {
        content[offset:end].decode().strip().lower()
        for (offset, kind), end in zip(tokens, ends, strict=True)
        if kind == duckdb.token_type.keyword
    }
