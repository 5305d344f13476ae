"""The commands, as a person runs them: output and exit codes."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow.parquet as pq
import pytest

from streams import cli
from tests.sql.archive import Archive, callback, cell

TIMEOUT_SECONDS = 30
PROGRAM = [sys.executable, "-m", "streams.cli"]


class Done(NamedTuple):
    """What a command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


class Program:
    """Runs the console script's function in this process, over one archive."""

    def __init__(
        self,
        archive: Archive,
        capture: pytest.CaptureFixture[str],
        patch: pytest.MonkeyPatch,
    ) -> None:
        """Run over this archive, with the test's own standard streams."""
        self._archive = archive
        self._capture = capture
        self._patch = patch

    def run(self, *arguments: str, stdin: str = "") -> Done:
        """Run undelivered and return what it did."""
        options = ["--data-dir", str(self._archive.data_dir)]
        self._patch.setattr(sys, "argv", ["undelivered", *arguments, *options])
        self._patch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = self._capture.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Run a command with --format json and read what it prints."""
        done = self.run(*arguments, "--format", "json")
        assert (done.returncode, done.stderr) == (0, "")
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found


@pytest.fixture
def program(
    archive: Archive,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Program:
    """Return the program over the test's archive."""
    return Program(archive, capsys, monkeypatch)


@pytest.fixture
def recent(archive: Archive, program: Program) -> Program:
    """Count 30 failures an hour ago, and one in 2016."""
    hour_ago = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1)
    failed = {"outcome": "failed", "error_code": 4770}
    archive.add_counts(
        [
            cell(30, window_start=hour_ago, **failed),
            cell(70, window_start=hour_ago),
            cell(1, window_start=datetime(2016, 9, 14, 18, 20, tzinfo=UTC), **failed),
        ]
    )
    return program


def test_report_is_of_the_last_day_unless_asked(recent: Program) -> None:
    """Without options the callback of 2016 is not in it; with --since all it is."""
    name = ("report", "failure_rates_by_country")

    assert [(r["country"], r["failed"]) for r in recent.rows(*name)] == [("US", 30)]
    assert [r["failed"] for r in recent.rows(*name, "--since", "all")] == [31]
    assert [r["failed"] for r in recent.rows(*name, "--until", "2017")] == []
    (row,) = recent.rows(*name, "--since", "2016-09-14", "--until", "2016-09-15")
    assert row["failed"] == 1


def test_report_with_windows_has_their_start_first(recent: Program) -> None:
    """Every row says which window it is of."""
    found = recent.rows("report", "overview", "--since", "all", "--window", "1d")

    assert [next(iter(row)) for row in found] == ["window_start"] * 2
    assert found[0]["window_start"] == "2016-09-14T00:00:00Z"


def test_report_for_people_shows_question_period_and_percent(recent: Program) -> None:
    """A table says what it answers, of when, and how sure it is."""
    done = recent.run("report", "failure_rates_by_error_code", "--since", "all")

    assert done.returncode == 0
    assert "With which error codes do messages fail" in done.stdout
    assert "all time, counting events" in done.stdout
    assert "30.7 % (22.5-40.3)" in done.stdout
    assert "carrier spam filter blocked it" in done.stdout


def test_report_takes_filters_groups_and_a_number_of_rows(recent: Program) -> None:
    """Options reach the query; what is left of the rows is counted."""
    by = ("report", "failure_rates", "--since", "all", "--by", "country,error_code")
    days = ("report", "overview", "--since", "all", "--window", "1d")
    found = recent.rows(*by)

    assert {"country", "error_code", "events"} <= found[0].keys()
    assert recent.rows(*by, "--country", "fr") == []
    assert recent.rows(*days, "--top", "1") == recent.rows(*days)[:1]
    assert "The first 1 of 2 rows" in recent.run(*days, "--top", "1").stdout


def test_report_in_parquet_is_bytes_for_others(
    recent: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written is what json shows."""
    name = ("report", "failure_rates_by_country", "--since", "all")
    shown = recent.rows(*name)
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, write_through=True))
    recent.run(*name, "--format", "parquet")

    assert shown
    assert pq.read_table(io.BytesIO(written.getvalue())).to_pylist() == shown


def test_option_that_does_not_apply_is_refused(program: Program) -> None:
    """Exit code 2, and the sentence names the option and those that apply."""
    done = program.run("report", "new_error_codes", "--tag", "login")

    assert (done.returncode, done.stdout) == (2, "")
    assert "does not take --tag; it takes --country" in done.stderr


def test_reports_lists_names_and_questions(program: Program) -> None:
    """In every format, as rows."""
    found = program.rows("reports")

    assert [list(row) for row in found] == [["name", "question"]] * len(found)
    assert "overview" in {row["name"] for row in found}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", "nope"), "failure_rates_by_country, "),
        (("report", "overview", "--since", "soon"), "--since soon"),
        (("report", "overview", "--window", "1s"), "--window 1s"),
        (("report", "overview", "--format", "xml"), "--format"),
        (("sql", "selec 1"), 'syntax error at or near "selec"'),
        (("sql", "select nothing from events"), "nothing"),
        (("sql", "select 'x'::int"), "Could not convert"),
        (("sql", "copy (select 1) to 'x'"), "COPY is not available"),
        (("sql", ""), "There is no statement"),
        (("sql", " -- nothing\n ; ; "), "There is no statement"),
    ],
)
def test_wrong_usage_ends_with_2_and_no_traceback(
    program: Program, arguments: tuple[str, ...], said: str
) -> None:
    """What is wrong is said on standard error; standard output stays empty."""
    done = program.run(*arguments)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "overview"),
        ("sql", "from events"),
        ("check",),
        ("dead-letters", "list"),
    ],
    ids=" ".join,
)
def test_folder_without_archive_is_told(
    archive: Archive, program: Program, arguments: tuple[str, ...]
) -> None:
    """On standard error; a folder that has one of the tables is not told."""
    told = program.run(*arguments, "--format", "csv")
    archive.add_callbacks([])
    untold = program.run(*arguments, "--format", "csv")

    assert f"There is no archive in {archive.data_dir} yet: " in told.stderr
    assert untold.stderr == ""
    assert (told.returncode, told.stdout) == (0, untold.stdout)


def test_data_folder_that_is_a_file_is_refused(
    archive: Archive, program: Program
) -> None:
    """Every command ends with 2 and says so."""
    archive.data_dir.touch()

    for arguments in (("report", "overview"), ("sql", "from events"), ("up",)):
        done = program.run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "it is a file; take a folder" in done.stderr


def test_empty_report_says_what_waits_to_be_counted(
    archive: Archive, program: Program
) -> None:
    """Somebody who has just posted a callback is not left with nothing."""
    archive.add_callbacks([callback(0), callback(1, is_copy=True), callback(2)])
    name = ("report", "overview", "--since", "all", "--format", "json")
    waiting = program.run(*name)
    archive.add_counts([cell(1, to_position=1)])

    assert waiting.stdout.strip() == "[]"
    assert "2 archived events are not counted yet: " in waiting.stderr
    assert program.run(*name).stderr == ""


def test_several_statements_print_the_last_result(program: Program) -> None:
    """A table made on the way lives in the session's memory."""
    statements = "create table t as select 7 as n; select 8; select n from t"

    assert program.run("sql", statements, "--format", "csv").stdout == "n\n7\n"
    assert "does not exist" in program.run("sql", "from t").stderr


def test_wrong_sql_is_pointed_at(program: Program) -> None:
    """DuckDB's message comes with the place."""
    done = program.run("sql", "select 1,\n  nope(3)")

    assert "LINE 2:   nope(3)\n          ^" in done.stderr


def test_sql_reads_standard_input(program: Program) -> None:
    """A query in a file needs no quoting in a shell."""
    done = program.run(
        "sql", "--format", "csv", stdin="select 1 as a;\nselect 2 as b;\n"
    )

    assert (done.returncode, done.stdout) == (0, "b\n2\n")


def test_sql_prints_every_row_as_csv(program: Program) -> None:
    """More rows than are fetched at a time."""
    done = program.run("sql", "from range(25000) as t(n)", "--format", "csv")

    assert [row["n"] for row in csv.DictReader(done.stdout.splitlines())] == [
        str(n) for n in range(25_000)
    ]


def test_reader_may_stop_early(archive: Archive) -> None:
    """`| head` is no error."""
    archive.add_callbacks([])
    command = [*PROGRAM, "sql", "from range(1000000)", "--format", "csv"]
    with subprocess.Popen(
        [*command, "--data-dir", str(archive.data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()

        assert process.stderr.read() == b""
        process.wait(TIMEOUT_SECONDS)


def test_check_ends_with_0_or_1(archive: Archive, program: Program) -> None:
    """Nothing wrong: 0. A cell that differs: 1, and the cell."""
    archive.add_callbacks([callback(0)])
    archive.add_counts([cell(1, to_position=1)])
    done = program.run("check")
    assert done.returncode == 0
    assert done.stdout == (
        "Nothing is wrong: every cell of the counts equals its recount.\n"
        "1 event compared; 0 archived events are not counted yet.\n"
    )
    assert program.rows("check") == []

    archive.add_counts([cell(1, from_position=1, to_position=1)])
    done = program.run("check", "--format", "json")
    assert done.returncode == 1
    assert "window_counts_match_events" in {f["check"] for f in json.loads(done.stdout)}


def test_prompt_answers_line_by_line(archive: Archive, tmp_path: Path) -> None:
    """On a terminal: a wrong statement is said, the next one works, .quit ends.

    Tab completes names of views, and what was typed is kept for the next time.
    """
    archive.add_callbacks([callback(0)])
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "sql", "--format", "csv", "--data-dir", str(archive.data_dir)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "UNDELIVERED_CACHE_DIR": str(tmp_path)},
    ) as process:
        os.close(theirs)
        said = _ask(ours, "selec 1;", "syntax error")
        said += _ask(ours, "select count(*)\n as n, ';' as s from events;", "1,;")
        archive.add_callbacks([callback(1)])
        said += _ask(ours, "select count(*) + 40 as old from events;", "\n41")
        _ask(ours, ".refresh", "sql>")
        said += _ask(ours, "select count(*) + 40 as new from events;", "\n42")
        _type(ours, "select count(*) + 50 as done from redeliv\t", "eries")
        said += _ask(ours, ";", "\n50")
        os.write(ours, b".quit\n")

        assert process.wait(TIMEOUT_SECONDS) == 0
    os.close(ours)
    assert "Traceback" not in said
    assert "from redeliveries;" in (tmp_path / "sql_history").read_text()


def test_rows_go_into_a_file_by_its_ending(
    archive: Archive, program: Program, tmp_path: Path
) -> None:
    """CSV, JSON and Parquet hold the same rows; formulas are harmless in CSV."""
    archive.add_callbacks([])
    files = [tmp_path / f"rows{ending}" for ending in (".csv", ".json", ".parquet")]
    for file in files:
        done = program.run("sql", "select 7 as n, '=1+1' as s", "--output", str(file))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    assert files[0].read_text() == "n,s\n7,'=1+1\n"
    assert json.loads(files[1].read_text()) == [{"n": 7, "s": "=1+1"}]
    assert pq.read_table(files[2]).to_pylist() == [{"n": 7, "s": "=1+1"}]
    assert sorted(tmp_path.glob("*rows*")) == sorted(files)


@pytest.mark.parametrize(
    ("name", "said"),
    [("rows.txt", "has no form"), ("missing/rows.csv", "cannot be written")],
)
def test_file_that_cannot_be_written_is_one_sentence(
    archive: Archive, program: Program, tmp_path: Path, name: str, said: str
) -> None:
    """A wrong ending is told before anything is asked."""
    archive.add_callbacks([])
    done = program.run("sql", "select 1", "--output", str(tmp_path / name))

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_database_file_shows_the_views_to_others(
    archive: Archive, program: Program, tmp_path: Path
) -> None:
    """Plain DuckDB reads it; written again it shows what came since."""
    archive.add_callbacks([callback(0)])
    archive.add_counts([cell(1)])
    file = tmp_path / "it's a file.duckdb"
    first = program.run("warehouse", str(file))
    assert first.returncode == 0, first.stderr
    assert "run this again" in first.stdout
    archive.add_callbacks([callback(1)])

    with duckdb.connect(str(file), read_only=True) as opened:
        assert opened.execute("select count(*) from events").fetchall() == [(1,)]
        counts = opened.execute("select sum(events) from failure_rates_by_minute")
        assert counts.fetchall() == [(1,)]
        assert program.run("warehouse", str(file)).returncode == 0
    with duckdb.connect(str(file), read_only=True) as opened:
        assert opened.execute("select count(*) from messages").fetchall() == [(2,)]
        assert opened.execute("select count(*) from error_codes").fetchall() > [(80,)]


def test_a_file_of_somebody_else_is_not_replaced(
    program: Program, tmp_path: Path
) -> None:
    """Neither a text nor another database."""
    text, other = tmp_path / "notes.txt", tmp_path / "other.duckdb"
    text.write_text("mine")
    with duckdb.connect(str(other)) as opened:
        opened.execute("create table mine as select 1 as n")

    for file in (text, other):
        done = program.run("warehouse", str(file))
        assert done.returncode == 2
        assert "was not written by this command" in done.stderr
    assert text.read_text() == "mine"


def _ask(terminal: int, text: str, answer: str) -> str:
    """Type a line and read until its answer has come."""
    return _type(terminal, f"{text}\n", answer)


def _type(terminal: int, text: str, answer: str) -> str:
    """Type a text and read until its answer has come."""
    os.write(terminal, text.encode())
    said, deadline = "", time.monotonic() + TIMEOUT_SECONDS
    while answer not in said.replace("\r", ""):
        assert time.monotonic() < deadline, said
        said += os.read(terminal, 4096).decode(errors="replace")
    return said


def test_help_is_quick() -> None:
    """DuckDB and Delta are not loaded for a help text."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "streams.cli", "sql", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        timeout=TIMEOUT_SECONDS,
    )

    assert "Query the archive" in done.stdout
    assert {"duckdb", "deltalake", "pyarrow"} & {
        line.split("|")[-1].strip() for line in done.stderr.splitlines()
    } == set()
