"""The connection: one snapshot, any folder, and nothing that writes."""

from pathlib import Path

import duckdb
import pytest

from streams.settings import ConfigurationError
from streams.warehouse import connect, prompt, statements
from streams.warehouse.snapshot import take
from tests.sql.archive import Archive, callback, cell


@pytest.mark.parametrize("folder", ["with blank", "ü", "it's", "a+b", "50 euro & more"])
def test_data_folder_may_have_any_name(tmp_path: Path, folder: str) -> None:
    """delta-rs writes such paths as URLs; the files are found all the same."""
    archive = Archive(tmp_path / folder)
    archive.add_callbacks([callback(0)])
    archive.add_counts([cell(1)])

    assert archive.rows("select count(*) from events") == [(1,)]
    assert archive.rows("select events from failure_rates_by_minute") == [(1,)]


def test_only_the_callbacks_are_there_yet(archive: Archive) -> None:
    """Counts are committed later than callbacks; until then they are empty."""
    archive.add_callbacks([callback(0)])

    assert archive.rows("select count(*) from events") == [(1,)]
    assert archive.rows("select count(*) from failure_rates_by_minute") == [(0,)]


def test_files_that_no_commit_names_are_not_read(archive: Archive) -> None:
    """A leftover of a writer that died is in the folder, not in the table."""
    archive.add_callbacks([callback(0)])
    file = Path(take(archive.data_dir).callbacks.files()[0])
    (file.parent / "part-leftover.parquet").write_bytes(file.read_bytes())

    assert archive.rows("select count(*) from events") == [(1,)]


def test_times_are_utc(archive: Archive) -> None:
    """Whatever zone the machine is in."""
    assert archive.rows("select current_setting('TimeZone')") == [("UTC",)]


def test_table_that_cannot_be_opened_is_one_sentence(archive: Archive) -> None:
    """A broken log names the table and its folder."""
    archive.add_callbacks([callback(0)])
    log = archive.data_dir / "archive" / "callbacks" / "_delta_log"
    (log / "00000000000000000000.json").write_text("{")

    with pytest.raises(ConfigurationError, match=r"Table callbacks in .* cannot be"):
        connect(archive.data_dir)


@pytest.fixture
def locked(archive: Archive) -> duckdb.DuckDBPyConnection:
    """Open the warehouse as a person's SQL sees it."""
    archive.add_callbacks([callback(0)])
    archive.add_counts([cell(1)])
    return prompt.open_locked(archive.data_dir)


@pytest.mark.parametrize(
    "sql",
    [
        "copy (select 1) to '{file}' (use_tmp_file false)",
        "explain analyze copy (select 1) to '{file}' (use_tmp_file false)",
        "prepare p as copy (select 1) to '{file}' (use_tmp_file false); execute p",
        "/* ü */ CoPy (select 1) to '{file}' (use_tmp_file false)",
        "copy (select 1) to '{folder}/new.csv'",
        "export database '{folder}/new'",
        "attach '{folder}/new.duckdb'",
        "select * from read_text('/etc/hostname')",
        "create table x as from read_csv('/etc/passwd')",
        "set enable_external_access = true",
        "set allowed_paths = ['/']",
        "reset lock_configuration",
        "install json from 'http://127.0.0.1:9'",
        "load '/tmp/x.duckdb_extension'",
    ],
)
def test_sql_of_a_person_touches_no_file(
    locked: duckdb.DuckDBPyConnection, archive: Archive, tmp_path: Path, sql: str
) -> None:
    """Every way to write, or to read another file, is refused; the archive is whole."""
    file = Path(take(archive.data_dir).callbacks.files()[0])
    before = file.read_bytes()
    with locked, pytest.raises((duckdb.Error, ConfigurationError)):
        statements.run(locked, sql.format(file=file, folder=tmp_path))

    assert file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select count(*) from events", [(1,)]),
        ('select 1 as "copy"', [(1,)]),
        ("select 'copy'", [("copy",)]),
        ("select is_copy from callbacks -- no copy", [(False,)]),
        ("create table mine as select 7 as n; from mine", [(7,)]),
        ("set variable x = 3; select getvariable('x')", [(3,)]),
    ],
)
def test_sql_of_a_person_may_do_anything_else(
    locked: duckdb.DuckDBPyConnection, sql: str, rows: list[tuple[object, ...]]
) -> None:
    """Own tables and variables are of the connection, and gone with it."""
    with locked:
        found = statements.run(locked, sql)

        assert found is not None
        assert list(found.values) == rows


def test_columns_of_one_name_are_told_apart(
    locked: duckdb.DuckDBPyConnection,
) -> None:
    """No column of a result hides another in JSON."""
    with locked:
        found = statements.run(locked, "select 1 as a, 2 as a, 3 as a_2")

    assert found is not None
    assert found.names == ("a", "a_2", "a_2_2")


@pytest.mark.parametrize("text", ["", " \n", ";", "-- nothing", "/* a; */ ; -- b"])
def test_text_without_a_statement_is_refused(
    locked: duckdb.DuckDBPyConnection, text: str
) -> None:
    """A comment is no statement, nor is a semicolon."""
    with locked, pytest.raises(ConfigurationError, match="There is no statement"):
        statements.run(locked, text)
