"""Commands over an archive in a store: each reads what a worker wrote there."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from streams import cli
from streams.archive import trial
from streams.archive.site import Site
from streams.settings import ConfigurationError
from streams.warehouse import connect
from tests.store import heedless
from tests.store.conftest import variables
from tests.store.server import Server
from tests.upkeep.writing import Writer


class Told(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


Run = Callable[..., Told]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run commands in this process, the archive named by variables."""

    def command(where: Site, *words: str) -> Told:
        for name, value in variables(where).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["undelivered", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return Told(int(ended.value.code or 0), printed.out, printed.err)

    return command


def test_people_read_the_store_like_a_disk(bucket: Site, run: Run) -> None:
    """SQL, a report, check, upkeep: the same words, the archive named by a setting."""
    writer = Writer(bucket)
    day = (datetime.now(UTC) - timedelta(days=2)).date()
    writer.day(day, commits=1, flushes=2)

    asked = run(bucket, "sql", "--format=json", "select count(*) as n from callbacks")
    reported = run(bucket, "report", "overview", "--since=all", "--format=json")
    upkept = run(bucket, "maintain", "--format=json")
    checked = run(bucket, "check")

    assert json.loads(asked.out) == [{"n": writer.rows}], asked.err
    assert (reported.code, reported.err) == (0, ""), reported.err
    assert json.loads(reported.out)
    assert (upkept.code, upkept.err) == (0, ""), upkept.err
    assert checked.code == 0, checked.out + checked.err
    assert not (bucket.data_dir / "archive").exists()


def test_a_query_reads_nothing_but_the_snapshot(bucket: Site) -> None:
    """The prompt's lock holds: no other file of the store, none of the machine."""
    from streams.warehouse import prompt  # noqa: PLC0415 - with its terminal

    Writer(bucket).day(datetime.now(UTC).date(), commits=1, flushes=1)
    place = bucket.table("callbacks")

    with prompt.open_locked(bucket) as opened:
        assert opened.sql("select count(*) from events").fetchall() != [(0,)]
        entry = place.opened_as(f"_delta_log/{0:020d}.json")
        for file in (entry, "/etc/hostname"):
            with pytest.raises(duckdb.PermissionException):
                opened.execute(f"select * from read_text('{file}')").fetchall()


def test_an_empty_store_has_empty_views(bucket: Site, run: Run) -> None:
    """Nothing was written yet: that is said, and no fault."""
    found = run(bucket, "sql", "--format=json", "select count(*) as n from callbacks")

    assert json.loads(found.out) == [{"n": 0}], found.err
    assert f"There is no archive in {bucket.store} yet" in found.err


def test_a_store_that_cannot_be_read_is_one_sentence(bucket: Site, run: Run) -> None:
    """No traceback, no secret; exit code 2."""
    options = {**bucket.options, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    found = run(Site(bucket.data_dir, bucket.store, options), "report", "overview")

    assert found.code == 2
    assert found.err.startswith("Error: ")
    assert found.err.count("\n") == 1
    assert options["AWS_SECRET_ACCESS_KEY"] not in found.err


def test_a_store_that_heeds_no_condition_is_refused(
    bucket: Site, store_server: Server
) -> None:
    """Where the second of two writers replaces the first one's commit nobody works."""
    trial.require_refusals(bucket)

    with (
        heedless.before(store_server.address, bucket) as where,
        pytest.raises(ConfigurationError, match="lets one writer replace"),
    ):
        trial.require_refusals(where)

    assert not bucket.table("_trial").names("")


def test_a_file_for_other_programs_names_the_store(
    bucket: Site, tmp_path: Path, run: Run
) -> None:
    """Another program needs a reader of its own: here DuckDB's is ours again."""
    Writer(bucket).day(datetime.now(UTC).date(), commits=1, flushes=1)
    written = run(bucket, "warehouse", str(tmp_path / "sms.duckdb"))

    assert written.code == 0, written.err
    with connect(bucket) as ours:
        ours.execute(f"attach '{tmp_path}/sms.duckdb' as given (read_only)")
        found = ours.sql("select count(*) from given.callbacks").fetchall()
    assert found == [(20,)]


def test_the_store_may_be_known_to_the_machine(
    bucket: Site, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys come from the environment too, as other programs read them."""
    for name, value in bucket.options.items():
        monkeypatch.setenv(name, value)
    Writer(Site(bucket.data_dir, bucket.store)).day(
        datetime.now(UTC).date(), commits=1, flushes=1
    )

    found = run(
        Site(bucket.data_dir, bucket.store),
        *("sql", "--format=json", "select count(*) as n from callbacks"),
    )

    assert (found.code, found.err) == (0, "")
    assert json.loads(found.out) == [{"n": 20}]
