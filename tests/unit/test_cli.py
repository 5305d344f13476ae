"""The command line's edge: every error is one sentence and an exit code."""

import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from streams import cli
from streams.settings import ConfigurationError
from streams.stack import up
from tests.unit.test_documentation import commands_of

HEAVY = {"aiokafka", "deltalake", "duckdb", "faust", "kafka", "pyarrow", "uvicorn"}


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    """Run the console script in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["undelivered", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def fails_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make the command `up` fail."""

    def fail(_settings: object) -> int:
        raise error

    monkeypatch.setattr(up, "run", fail)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        pytest.param(
            ConfigurationError("Port 1 is busy: take another."),
            2,
            "Error: Port 1 is busy: take another.\n",
            id="what a person can put right",
        ),
        pytest.param(
            ValueError("no\nsecond line"),
            1,
            "Error: no (ValueError; --debug shows where).\n",
            id="what nobody expected",
        ),
        pytest.param(
            ValueError(),
            1,
            "Error: ValueError (ValueError; --debug shows where).\n",
            id="without a word",
        ),
        pytest.param(KeyboardInterrupt(), 130, "", id="Ctrl-C"),
        pytest.param(BrokenPipeError(), 0, "", id="the reader has enough"),
    ],
)
def test_error_is_one_sentence_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    said: str,
) -> None:
    """No traceback reaches a user."""
    fails_with(monkeypatch, error)

    assert run(monkeypatch, "up") == code
    assert capsys.readouterr().err.strip() == said.strip()


@pytest.mark.parametrize("variable", [False, True], ids=["option", "variable"])
def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, *, variable: bool
) -> None:
    """Asked for by the option or by the variable, the error comes as it was raised."""
    fails_with(monkeypatch, ConfigurationError("Port 1 is busy."))
    if variable:
        monkeypatch.setenv("UNDELIVERED_DEBUG", "true")
    words = [] if variable else ["--debug"]
    monkeypatch.setattr(sys, "argv", ["undelivered", "up", *words])

    with pytest.raises(ConfigurationError):
        cli.main()


def test_unusable_variable_names_setting_option_and_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever set it finds it by either name."""
    monkeypatch.setenv("UNDELIVERED_PARTITIONS", "many")

    assert run(monkeypatch, "up") == 2
    said = capsys.readouterr().err
    assert "--partitions" in said
    assert "UNDELIVERED_PARTITIONS" in said
    assert "'many'" in said


@pytest.mark.parametrize("command", ["receive", "work"])
def test_process_without_any_kafka_names_both_ways(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
) -> None:
    """No stack runs on the folder and no Kafka is named."""
    assert run(monkeypatch, command, f"--data-dir={tmp_path}") == 2
    assert capsys.readouterr().err == (
        f"Error: No stack runs on {tmp_path}: start one with `undelivered up "
        f"--data-dir {tmp_path}`, or name a Kafka with --bootstrap-servers.\n"
    )


@pytest.mark.parametrize("command", ["up", "demo"])
@pytest.mark.parametrize(
    ("username", "said"),
    [("", "from everybody at 0.0.0.0"), ("somebody", "set UNDELIVERED_PASSWORD too")],
)
def test_stack_whose_receiver_would_refuse_is_not_begun(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: str,
    username: str,
    said: str,
) -> None:
    """It is said before a folder is made, and so before Kafka is started."""
    monkeypatch.setenv("UNDELIVERED_USERNAME", username)
    folder = tmp_path / "data"
    errors = io.StringIO()
    # Were it begun, it would find no jars of Kafka there, and end.
    words = [f"--data-dir={folder}", "--host=0.0.0.0", f"--kafka-jars={tmp_path}"]

    with contextlib.redirect_stderr(errors):
        assert run(monkeypatch, command, *words) == 2
    assert said in errors.getvalue()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("import",), "How the summary is printed"),
        (("import",), "also what was parked"),
        (("dead-letters",), "List, show, resend and prune"),
    ],
)
def test_help_says_what_is_not_plain(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    said: str,
) -> None:
    """What a reader of the help would else take for something else."""
    monkeypatch.setenv("COLUMNS", "200")

    assert run(monkeypatch, *command, "--help") == 0
    assert said in " ".join(capsys.readouterr().out.split())


def test_unknown_option_ends_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong usage and wrong configuration end alike."""
    assert run(monkeypatch, "up", "--no-such-option") == 2


def test_every_command_takes_data_dir_and_debug() -> None:
    """The two options that no command is without."""
    commands = [*commands_of(typer.main.get_command(cli.app))]

    assert len(commands) >= 8
    for name, command in commands:
        options = {option for each in command.params for option in each.opts}
        assert {"--data-dir", "--debug"} <= options, name


def test_version_is_that_of_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, for a report of a bug."""
    monkeypatch.setattr(cli, "version", {"undelivered": "1.2.3"}.__getitem__)

    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == "undelivered 1.2.3\n"


def test_help_needs_no_heavy_module() -> None:
    """Somebody who asks for help does not wait for DuckDB and Kafka."""
    code = "import sys, streams.cli; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert HEAVY.isdisjoint(done.stdout.split())
