"""Dead letters as a person sees them: by reason, and one by one, never raw."""

import io
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from streams import cli
from tests.sql.archive import LOG, Archive, callback, parked
from tests.unit.test_excerpt import marked

COMMA = "[0].message.to[1]: not JSON, trailing comma in array (line {}, column {})"
HOSTILE = b'[\n"\x1b]0;owned\x07\x1b[2J\x9b\xe2\x80\xae\xff",\x00\n]'


class Commands:
    """Runs `undelivered dead-letters` in this process, over one archive."""

    def __init__(
        self,
        archive: Archive,
        capture: pytest.CaptureFixture[bytes],
        patch: pytest.MonkeyPatch,
    ) -> None:
        """Run over this archive, with the test's own standard streams."""
        self._archive = archive
        self._capture = capture
        self._patch = patch

    def run(self, *arguments: str) -> tuple[int, bytes, bytes]:
        """Run a command; return exit code, standard output and standard error."""
        words = ["undelivered", "dead-letters", *arguments]
        words += ["--data-dir", str(self._archive.data_dir)]
        self._patch.setattr(sys, "argv", words)
        self._patch.setattr(sys, "stdin", io.StringIO())
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = self._capture.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    def said(self, *arguments: str) -> str:
        """Return what a command that is well prints."""
        code, out, err = self.run(*arguments)
        assert (code, err) == (0, b"")
        return out.decode()

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the rows that list gives."""
        found: list[dict[str, Any]] = json.loads(
            self.said("list", *arguments, "--format", "json")
        )
        return found


@pytest.fixture
def commands(
    archive: Archive,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Commands:
    """Return the commands over the test's archive."""
    return Commands(archive, capfdbinary, monkeypatch)


def test_list_counts_by_reason_and_source(archive: Archive, commands: Commands) -> None:
    """Places in the JSON differ, the reason does not; repaired ones are not counted."""
    archive.add_callbacks(
        [
            parked(1, problem=COMMA.format(12, 9)),
            parked(2, problem=COMMA.format(3, 1).replace("[1]", "[7]")),
            parked(3, problem=COMMA.format(1, 1), source="import", origin="a:1"),
            parked(4, problem="empty array", source=None),
            parked(5, problem="empty array"),
            callback(6),
            callback(7, source="resend", origin=f"{LOG}/0/5/0"),
        ]
    )

    reason = "message.to: not JSON, trailing comma in array"
    assert [
        (row["reason"], row["source"], row["callbacks"], row["place"])
        for row in commands.rows()
    ] == [
        (reason, "http", 2, f"{LOG}/0/2/0"),
        ("empty array", None, 1, f"{LOG}/0/4/0"),
        (reason, "import", 1, f"{LOG}/0/3/0"),
    ]


def test_list_says_since_when(archive: Archive, commands: Commands) -> None:
    """First and last time, and the place of the newest; a period is by received_at."""
    times = ["2026-05-04T12:00:00Z", "2026-05-06T12:00:00Z", "2026-05-05T12:00:00Z"]
    archive.add_callbacks([received(n, time) for n, time in enumerate(times)])

    (row,) = commands.rows()
    assert row["first_received_at"] == times[0]
    assert row["last_received_at"] == times[1]
    assert row["place"] == f"{LOG}/0/1/0"
    (row,) = commands.rows("--since", "2026-05-05", "--until", "2026-05-06")
    assert (row["callbacks"], row["place"]) == (1, f"{LOG}/0/2/0")
    assert commands.rows("--since", "2026-05-07", "--until", "2026-05-08") == []


def received(offset: int, time: str) -> dict[str, Any]:
    """Make a parked row that was received at a time."""
    at = callback(offset)["received_at"].fromisoformat(time)
    return parked(offset, received_at=at, received_date=at.date())


def test_show_tells_everything_and_marks_the_place(
    archive: Archive, commands: Commands
) -> None:
    """Problem, source, origin, time, size, and the bytes with a mark."""
    body = b'[{"message": {"to": [\n  "+1",\n]}}]'
    archive.add_callbacks(
        [
            parked(
                1,
                problem=COMMA.format(3, 1),
                raw=body,
                source="import",
                origin="old.json:7",
            ),
            parked(2),
        ]
    )

    said = commands.said("show", f"{LOG}/0/1/0")

    for fact in (
        f"{LOG}/0/1/0",
        COMMA.format(3, 1),
        "import",
        "old.json:7",
        "2026-05-04T12:00:00Z",
        f"{len(body)} bytes",
        '1 | [{"message": {"to": [',
    ):
        assert fact in said
    assert marked(said.splitlines()) == "]}}]"
    assert f"{LOG}/0/2/0" not in said


def test_show_of_a_reason_is_limited_and_newest_first(
    archive: Archive, commands: Commands
) -> None:
    """A reason is found by words of it, in any case."""
    archive.add_callbacks(
        [parked(n, problem=f"[{n}].message.id: missing") for n in range(11)]
        + [parked(19, problem="empty array")]
    )

    said = commands.said("show", "--reason", "ID: Missing", "--limit", "2")

    shown = [line.split()[1] for line in said.splitlines() if line.startswith("place")]
    assert shown == [f"{LOG}/0/10/0", f"{LOG}/0/9/0"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("show",),
        ("list",),
        ("list", "--format", "md"),
        ("list", "--format", "csv"),
        ("list", "--format", "json"),
    ],
)
def test_no_byte_that_steers_a_terminal_gets_through(
    archive: Archive, commands: Commands, arguments: tuple[str, ...]
) -> None:
    """Not from the bytes, a key in the problem, a header, a file's name."""
    archive.add_callbacks(
        [
            parked(
                1,
                problem="\x1b[31m\x9b.k\x00: not JSON (line 2, column 3)",
                raw=HOSTILE,
                source="\x1b[2J\u202e",
                origin="\x1b]8;;\x07:1",
            ),
            parked(2, raw=None),
        ]
    )

    _, out, err = commands.run(*arguments)

    text = out.decode()
    assert not {c for c in text + err.decode() if c != "\n" and not_shown(c)}
    assert "31m" in text or "owned" in text


def not_shown(character: str) -> bool:
    """Tell whether a terminal obeys a character instead of showing it."""
    return ord(character) < 32 or 127 <= ord(character) < 160 or character == "\u202e"


def test_show_raw_writes_the_bytes_as_they_are(
    archive: Archive, commands: Commands
) -> None:
    """Into a file or a pipe; of exactly one."""
    archive.add_callbacks([parked(1, raw=HOSTILE), parked(2, raw=b"[")])

    assert commands.run("show", f"{LOG}/0/1/0", "--raw") == (0, HOSTILE, b"")
    code, out, err = commands.run("show", "--raw")
    assert (code, out) == (2, b"")
    assert b"give its place" in err


def test_show_raw_writes_nothing_to_a_terminal(
    archive: Archive, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes could steer it."""
    archive.add_callbacks([parked(1, raw=HOSTILE)])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    code, out, err = commands.run("show", f"{LOG}/0/1/0", "--raw")

    assert (code, out) == (2, b"")
    assert b"would send hostile bytes to the terminal" in err


def test_place_that_is_none_is_told_from_one_that_was_resent(
    archive: Archive, commands: Commands
) -> None:
    """A wrong place is wrong usage; a resent one is no dead letter any more."""
    archive.add_callbacks(
        [parked(1), callback(2, source="resend", origin=f"{LOG}/0/1/0"), callback(3)]
    )

    for wrong in (f"{LOG}/0/3/0", f"{LOG}/0/9/0", "x", f"{LOG}/0/1", "\x1b/0/1/0"):
        code, out, err = commands.run("show", wrong)
        assert (code, out) == (2, b"")
        assert b"There is no dead letter" in err
        assert b"\x1b" not in err
    code, out, err = commands.run("show", f"{LOG}/0/1/0")
    assert (code, out) == (0, b"")
    assert b"has been resent" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("resend", "--yes"),
        ("resend", "--all", "--reason", "x", "--yes"),
        ("resend", "a/0/0/0", "--all", "--yes"),
        ("resend", "--all"),
        ("resend", "--all", "--fix", "everything"),
    ],
)
def test_resend_wants_to_know_which_and_whether(
    commands: Commands, arguments: tuple[str, ...]
) -> None:
    """No choice, two choices, or nobody to ask: nothing is sent."""
    code, out, err = commands.run(*arguments)

    assert (code, out) == (2, b"")
    assert err


def test_prune_removes_old_bytes_and_nothing_else(
    archive: Archive, commands: Commands
) -> None:
    """Old ones are still listed with their problem, and shown without bytes."""
    now = datetime.now(UTC).replace(microsecond=0)
    times = [(now - timedelta(days=days)).isoformat() for days in (91, 92, 89)]
    archive.add_callbacks([received(n, time) for n, time in enumerate(times)])

    assert "lost their bytes: 2." in commands.said("prune")
    assert [row["callbacks"] for row in commands.rows()] == [3]
    assert "(its bytes are no longer kept)" in commands.said("show", f"{LOG}/0/0/0")
    assert "1 | [{}]" in commands.said("show", f"{LOG}/0/2/0")
    assert "lost their bytes: 1." in commands.said("prune", "--raw-keep-days", "30")
    assert "no longer kept" in commands.said("show", f"{LOG}/0/2/0")


def test_without_an_archive_there_are_none(commands: Commands) -> None:
    """An empty list that says why, and nothing to show."""
    code, out, err = commands.run("list", "--format", "json")

    assert (code, json.loads(out)) == (0, [])
    assert b"There is no archive in " in err
    assert commands.said("show") == ""
