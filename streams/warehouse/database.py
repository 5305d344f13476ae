"""A DuckDB file with the views, for BI tools and DuckDB's own shell."""

from pathlib import Path
from uuid import uuid4

import duckdb

from streams.archive.site import Where
from streams.settings import ConfigurationError
from streams.warehouse import connection, snapshot

_MARK = "made_by_undelivered"


def write(where: Where, target: Path) -> int:
    """Write the file, or replace the one that was written before.

    Rows stay in the archive: the file holds the views, the reference tables, and the
    names of the archive's files as it is now. Who has the old file open keeps it.

    Args:
        where: Where the archive lies.
        target: The file.

    Returns:
        How many files of the archive it shows.

    Raises:
        ConfigurationError: The target is another file, or cannot be written, or a table
            cannot be opened.
    """
    target = target.expanduser().resolve()
    _require_ours(target)
    taken = snapshot.take(where)
    unfinished = target.with_name(f".{target.name}.{uuid4().hex}.unfinished")
    try:
        _fill(unfinished, taken)
        unfinished.replace(target)
    except (OSError, duckdb.IOException) as error:
        raise ConfigurationError(
            f"{target} cannot be written ({error}): name a file in another folder."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return sum(len(table.files()) for table in taken.all_tables)


def _fill(path: Path, taken: snapshot.Snapshot) -> None:
    with duckdb.connect(str(path)) as opened:
        connection.load(opened, taken, names_files=True)
        opened.execute(f"create table {_MARK} as select now() as at")
        opened.execute("checkpoint")


def _require_ours(target: Path) -> None:
    if not target.exists():
        return
    try:
        with duckdb.connect(str(target), read_only=True) as opened:
            opened.execute(f"from {_MARK}")
    except duckdb.Error as error:
        raise ConfigurationError(
            f"{target} is there and was not written by this command: name another, "
            f"or remove it."
        ) from error
