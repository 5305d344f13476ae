"""Logs of messages sent into their table: once, however often and whatever happens."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st

from streams import settings
from streams.archive import schema, table
from streams.archive.repair import Repair
from streams.archive.sent import SentTable
from streams.intake.importing import sent_rows, sent_run
from streams.intake.importing.sent_asked import Asked
from streams.intake.importing.sent_summary import Summary
from streams.settings import ConfigurationError
from streams.warehouse import check, connect, maintain
from tests.upkeep.writing import Writer

PROGRAM = Path(sys.executable).with_name("undelivered")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAYS = [NOW.date() - timedelta(days=back) for back in (9, 3, 1)]
# Kills the process in the middle: when it begins with its third commit.
KILLED = """
import os, signal, sys
from streams import cli
from streams.archive.table import ArchiveTable
from streams.intake.importing import sent_rows

sent_rows.MOST_ROWS = 10
commit, done = ArchiveTable.commit, []

def killed(*arguments):
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(commit(*arguments))

ArchiveTable.commit = killed
sys.argv = ["undelivered", *sys.argv[1:]]
cli.main()
"""
Line = tuple[str, str, str]


def written(path: Path, lines: Iterable[Line], header: str = "id,to,time") -> Path:
    """Write a log as CSV."""
    rows = [header, *(",".join(line) for line in lines)]
    path.write_text("\n".join(rows) + "\n")
    return path


def line(number: int, day: date = DAYS[1]) -> Line:
    """Make a good line."""
    return (f"m{number}", f"+1206555{number:04}", f"{day}T10:00:00Z")


def imported(data_dir: Path, *paths: Path, keep: str | None = None) -> Summary:
    """Import in this process, as of noon."""
    given = settings.load(data_dir=data_dir, keep=keep)
    return sent_run.run(given, Asked([str(path) for path in paths]), NOW)


def rows(data_dir: Path) -> list[dict[str, Any]]:
    """Read the table by none of our readers."""
    found = DeltaTable(str(schema.sent_path(data_dir))).to_pyarrow_table()
    order = [("message_id", "ascending"), ("destination", "ascending")]
    listed: list[dict[str, Any]] = found.sort_by(order).to_pylist()
    return listed


def ids(data_dir: Path) -> list[str]:
    """Return the ids of the messages in the table."""
    return [row["message_id"] for row in rows(data_dir) if row["problem"] is None]


def run_program(*words: object) -> dict[str, Any]:
    """Run the command to its end; return its summary, exit code and what it said."""
    command = [str(PROGRAM), "import", *map(str, words), "--format=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    (summary,) = json.loads(done.stdout)
    return {**summary, "code": done.returncode, "said": done.stderr}


def test_command_says_what_it_has_read_and_where_the_rest_is(tmp_path: Path) -> None:
    """Every line is counted: imported, there already, came in, or named and kept."""
    log = tmp_path / "log.csv.gz"
    lines = [
        "messageId;sourceTn;destinationTn;receiveTime;messageDirection",
        "m1;24365;12065550100|+1 206 555 0101;2026-11-20 10:00:00;OUT",
        "m2;+12065550100;24365;2026-11-20T10:00:00Z;INBOUND",
        'm3;=cmd();"nobody";2026-11-20T10:00:00Z;OUT',
        "m1;24365;+12065550100;2026-11-20T10:00:00Z;OUT",
    ]
    log.write_bytes(gzip.compress("\r\n".join(lines).encode("utf-8-sig")))
    options = (f"--data-dir={tmp_path / 'data'}", "--time-zone=America/New_York")

    first = run_program("--sent", log, *options)
    second = run_program("--sent", log, *options)

    assert (first["code"], first["recognised"]) == (0, "1 x CSV, gzip")
    counted = ("messages", "imported", "already_imported", "received", "unreadable")
    assert [first[name] for name in counted] == [3, 2, 1, 1, 1]
    assert [second[name] for name in counted] == [3, 0, 3, 1, 1]
    problem = f"{log}:4: destination: 'nobody' is no telephone number"
    assert first["first_unreadable"] == [problem]
    assert f"Cannot be read: {problem}" in first["said"]
    assert "message_id = 'messageId', destination = 'destinationTn'" in first["said"]
    with connect(tmp_path / "data") as connection:
        found = connection.execute("select file, line, raw from sent_unreadable")
        assert found.fetchall() == [(str(log), 4, lines[3])]
        found = connection.execute(
            "select destination, sent_at, sender, line from sent"
        )
        five = timedelta(hours=5)
        assert [
            (to, at.astimezone(UTC), *rest) for to, at, *rest in found.fetchall()
        ] == [
            ("+12065550100", datetime(2026, 11, 20, 10, tzinfo=UTC) + five, "24365", 2),
            ("+12065550101", datetime(2026, 11, 20, 10, tzinfo=UTC) + five, "24365", 2),
        ]


def test_killed_halfway_and_run_again(tmp_path: Path) -> None:
    """What was committed is whole, and the second run adds the rest, each line once."""
    log = written(tmp_path / "log.csv", [*map(line, range(95)), ("bad", "nobody", "")])
    data = tmp_path / "data"
    words = ["import", "--sent", str(log), f"--data-dir={data}"]

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *words], capture_output=True, check=False
    )
    half = len(rows(data))
    again = run_program("--sent", log, f"--data-dir={data}")

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert half == 20
    assert (again["imported"], again["already_imported"]) == (75, 20)
    assert sorted(ids(data)) == sorted(f"m{n}" for n in range(95))
    assert len(rows(data)) == 96


def test_imports_at_once_add_each_message_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of overlapping logs, imported by four at the same time in small commits."""
    monkeypatch.setattr(sent_rows, "MOST_ROWS", 7)
    logs = [
        written(tmp_path / f"{n}.csv", map(line, range(n * 15, n * 15 + 30)))
        for n in range(4)
    ]
    done: list[Summary] = []
    threads = [
        threading.Thread(target=lambda log=log: done.append(imported(tmp_path, log)))
        for log in logs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ids(tmp_path)) == sorted(f"m{n}" for n in range(75))
    assert sum(summary.imported for summary in done) == 75
    assert len(done) == 4


def test_a_refused_commit_leaves_out_what_came_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second import adds rows after the first has looked, and before it commits."""
    imported(tmp_path / "other", written(tmp_path / "log.csv", map(line, range(3))))
    other = DeltaTable(str(schema.sent_path(tmp_path / "other"))).to_pyarrow_table()
    lines = other.select(schema.SENT.names).cast(schema.SENT)
    first, second = (SentTable(table.sent(tmp_path)) for _ in range(2))
    commit = table.ArchiveTable.commit
    came_between: list[int] = []

    def late(held: table.ArchiveTable, *arguments: Any) -> None:  # noqa: ANN401
        if not came_between:
            came_between.append(0)
            came_between.append(second.add(lines.slice(0, 2)).messages)
        commit(held, *arguments)

    monkeypatch.setattr(table.ArchiveTable, "commit", late)

    assert first.add(lines).messages == 1
    assert came_between == [0, 2]
    assert ids(tmp_path) == ["m0", "m1", "m2"]


@given(
    st.lists(st.lists(st.integers(0, 12), max_size=10), min_size=1, max_size=4),
    st.integers(1, 6),
)
def test_what_is_imported_does_not_depend_on_how_often(
    tmp_path_factory: pytest.TempPathFactory, logs: Sequence[Sequence[int]], most: int
) -> None:
    """Overlapping logs, in any commits, any number of times: each message once."""
    folder = tmp_path_factory.mktemp("logs")
    paths = [
        # 12 stands for a line that cannot be read.
        written(folder / f"{n}.csv", [line(0), *map(any_line, numbers)])
        for n, numbers in enumerate(logs)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sent_rows, "MOST_ROWS", most)
        imported(folder, *paths)
        once = rows(folder)
        again = imported(folder, *paths, *reversed(paths))

    given_numbers = {0, *(number for numbers in logs for number in numbers)}
    assert rows(folder) == once
    assert (again.imported, again.unreadable_kept) == (0, 0)
    assert len(once) == len(given_numbers)
    assert set(ids(folder)) == {f"m{n}" for n in given_numbers - {12}}


def any_line(number: int) -> Line:
    """Make a line that is good, but for one number."""
    return ("bad", "nobody", "") if number == 12 else line(number)


def test_a_file_that_is_no_log_is_left_out_whole(tmp_path: Path) -> None:
    """It is named; the others are imported, and the exit code says so."""
    good = written(tmp_path / "a.csv", [line(1)])
    wrong = written(tmp_path / "b.csv", [("m2", "+12065550100", "05/04/2026")] * 1_500)
    other = tmp_path / "c.csv"
    other.write_text("hello\n")

    done = run_program("--sent", good, wrong, other, f"--data-dir={tmp_path / 'data'}")

    assert (done["code"], done["imported"], done["unreadable"]) == (1, 1, 0)
    assert done["problems"] == [
        (
            f"{wrong}: none of its first 1,000 records is a message; line 2: sent_at: "
            f"'05/04/2026' is no time; write it as 2026-05-04T10:00:00Z"
        ),
        (
            f"{other}: no column is known as message_id; there are 'hello': name it "
            f"with --column message_id=NAME"
        ),
    ]
    assert len(rows(tmp_path / "data")) == 1


def test_a_damaged_file_is_imported_up_to_the_damage(tmp_path: Path) -> None:
    """Where it ends is said."""
    text = written(tmp_path / "log.csv", map(line, range(5_000))).read_bytes()
    packed = b"".join(gzip.compress(part) for part in (text[:90_000], os.urandom(9)))
    (tmp_path / "log.gz").write_bytes(packed[:-4])

    done = imported(tmp_path, tmp_path / "log.gz")

    (problem,) = done.problems
    assert "after line " in problem
    assert done.imported == len(rows(tmp_path)) > 1_000


def test_options_of_a_log_need_one(tmp_path: Path) -> None:
    """They would be ignored with callbacks."""
    words = ["import", "--time-zone=UTC", str(tmp_path), f"--data-dir={tmp_path}"]
    done = subprocess.run(
        [str(PROGRAM), *words], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "--column and --time-zone say how a log of messages sent" in done.stderr


# --- Upkeep --------------------------------------------------------------------------


def cared_for(data_dir: Path, keep: timedelta | None = None) -> dict[str, Any]:
    """Run upkeep as of noon; return files before and after by what was done to sent."""
    wanted = maintain.Wanted(timedelta(days=1), keep)
    done = maintain.run(data_dir, wanted, NOW, lambda _what, _done, _total: None)
    return {s.what: (s.files, s.files_after) for s in done.steps if s.table == "sent"}


def test_upkeep_puts_files_together_and_forgets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few files are left, the rows are the same, and a second import adds nothing."""
    monkeypatch.setattr(sent_rows, "MOST_ROWS", 5)
    Writer(tmp_path).day(DAYS[2], commits=1, flushes=1)
    lines = [line(n, DAYS[n % 3]) for n in range(30)]
    log = written(tmp_path / "log.csv", [*lines, ("bad", "nobody", "")])
    imported(tmp_path, log)
    before = rows(tmp_path)

    done = cared_for(tmp_path)

    files, after = done["put together, sorted"]
    assert (files > 9, after) == (True, 3)
    assert rows(tmp_path) == before
    again = imported(tmp_path, log)
    assert (again.imported, again.unreadable_kept) == (0, 0)
    assert check.run(tmp_path).findings == ()


def test_messages_are_kept_as_long_as_callbacks(tmp_path: Path) -> None:
    """Older ones would be accused, as their callbacks are gone: they stay away."""
    Writer(tmp_path).day(DAYS[2], commits=1, flushes=1)
    log = written(tmp_path / "log.csv", [line(n, DAYS[n % 3]) for n in range(6)])
    imported(tmp_path, log)

    done = cared_for(tmp_path, keep=timedelta(days=5))
    again = imported(tmp_path, log, keep="5d")

    assert done[f"dropped, sent before {NOW.date() - timedelta(days=5)}"] == (1, 0)
    assert ids(tmp_path) == ["m1", "m2", "m4", "m5"]
    assert (again.imported, again.too_old) == (0, 2)


def test_check_names_a_file_that_is_gone(tmp_path: Path) -> None:
    """As it does of any table."""
    imported(tmp_path, written(tmp_path / "log.csv", [line(1)]))
    (path,) = schema.sent_path(tmp_path).glob("*/*.parquet")
    path.unlink()

    (finding,) = check.run(tmp_path).findings

    assert finding.check == "files_are_there"
    assert finding.found.endswith(path.name)


def test_torn_versions_are_taken_back(tmp_path: Path) -> None:
    """What was not on the disk when the power failed is imported again."""
    log = written(tmp_path / "log.csv", map(line, range(3)))
    imported(tmp_path, log)
    # Everything but the version that made the table is newer than what is known.
    schema.sent_path(tmp_path).with_name("sent.synced").write_text("0")
    entry = schema.sent_path(tmp_path) / "_delta_log" / f"{1:020d}.json"
    entry.write_bytes(entry.read_bytes()[:-20])

    repair = Repair(tmp_path, NOW)
    assert repair.is_needed()
    repair.repair("a-log", {}, accept_loss=False)

    assert ids(tmp_path) == []
    assert imported(tmp_path, log).imported == 3


def test_nobody_may_import_while_the_archive_is_repaired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said what goes on."""
    from streams.archive import presence  # noqa: PLC0415 - patched here alone

    monkeypatch.setattr(presence.Presence.share, "__defaults__", (0.1,))
    alone = presence.Presence(tmp_path)
    assert alone.alone()

    with pytest.raises(ConfigurationError, match="A worker repairs the archive"):
        imported(tmp_path, written(tmp_path / "log.csv", [line(1)]))
    alone.leave()
