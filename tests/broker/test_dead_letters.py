"""Dead letters resent: repaired, linked to their row, and never sent twice."""

import json
import os
import pty
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from streams import topics, warehouse
from streams.intake import resend
from streams.settings import ConfigurationError
from streams.warehouse.dead_letters import Choice
from tests.broker.conftest import (
    PROGRAM,
    RunningStack,
    run_command,
    stacks,
    wait_for,
)
from tests.broker.test_stack_up import post

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]

SAMPLE = Path(__file__).parents[1] / "samples/docs2020_message-failed_9902.INVALID.txt"
SAMPLE_ID = "14762070468292kw2fuqty55yp2b2"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One stack whose worker commits within a second."""
    with stacks(tmp_path_factory.mktemp("dead-letters")) as start:
        yield start(UNDELIVERED_FLUSH_SECONDS="0.5")


def rows(stack: RunningStack, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
    """Ask the views."""
    with warehouse.connect(stack.data_dir) as connection:
        return connection.execute(sql, parameters).fetchall()


def parked(stack: RunningStack, body: bytes) -> str:
    """Post a body that cannot be read; return its place once it is archived."""
    known = [place for (place,) in rows(stack, "select place from dead_letters")]
    assert post(stack, body)[0] == 200
    found = wait_for(
        lambda: (
            rows(
                stack,
                "select place from dead_letters where raw = $body "
                "and place not in (select unnest($known::varchar[]))",
                body=body,
                known=known,
            )
            or None
        ),
        "a dead letter",
    )
    return str(found[0][0])


def records(stack: RunningStack) -> int:
    """Count the records of topic callbacks."""
    return sum(topics.end_offsets(stack.run_file.bootstrap_servers).values())


def resent(stack: RunningStack, *words: str) -> tuple[int, str]:
    """Run `undelivered dead-letters resend`; return exit code and what it said."""
    done = run_command("dead-letters", "resend", f"--data-dir={stack.data_dir}", *words)
    return done.returncode, done.stdout + done.stderr


@contextmanager
def stopped(stack: RunningStack) -> Iterator[None]:
    """Hold the worker, so that nothing is archived meanwhile."""
    worker = psutil.Process(stack.run_file.pids.worker)
    worker.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        worker.send_signal(signal.SIGCONT)


def is_dead(stack: RunningStack, place: str) -> bool:
    """Tell whether a place is in dead_letters."""
    return bool(
        rows(stack, "select 1 from dead_letters where place = $place", place=place)
    )


def test_the_providers_sample_is_repaired_counted_and_dead_no_more(
    stack: RunningStack,
) -> None:
    """Sent twice in a row, before and after it is archived: one record, one event."""
    place = parked(stack, SAMPLE.read_bytes())
    before = records(stack)

    with stopped(stack):
        first = resent(stack, "--fix=trailing-commas", "--all", "--yes")
        second = resent(stack, "--fix=trailing-commas", "--all", "--yes")
    wait_for(lambda: not is_dead(stack, place), "no dead letter any more")
    third = resent(stack, "--fix=trailing-commas", place, "--yes")

    assert first == (0, "1 dead letter sent as 1 callback.\n")
    for code, said in (second, third):
        assert code == 0
        assert f"{place}: has been resent already" in said
    assert records(stack) == before + 1
    assert rows(
        stack,
        "select outcome, error_code, source, origin, recipients from events "
        "where message_id = $id",
        id=SAMPLE_ID,
    ) == [("unknown", 9902, "resend", place, ["+12345678902"])]
    assert rows(stack, "select place from dead_letters") == []


def test_each_callback_of_a_body_is_a_record_of_its_own(stack: RunningStack) -> None:
    """All linked to the one row, each in the partition of its message id."""
    ids = [f"several-{number}" for number in range(5)]
    callbacks = [json.dumps({"type": "x", "message": {"id": each}}) for each in ids]
    place = parked(stack, f"[{', '.join(callbacks)},]".encode())

    assert resent(stack, place, "--fix=trailing-commas", "--yes") == (
        0,
        "1 dead letter sent as 5 callbacks.\n",
    )

    wait_for(
        lambda: (
            rows(
                stack,
                "select count(*) from callbacks where origin = $place",
                place=place,
            )
            == [(5,)]
        ),
        "five callbacks",
    )
    found = rows(
        stack,
        "select message_id, kafka_partition, kafka_index, is_copy from callbacks "
        "where origin = $place",
        place=place,
    )
    expected = [(each, topics.partition_of(each.encode(), 8), 0, False) for each in ids]
    assert sorted(found) == sorted(expected)


def test_what_is_still_wrong_is_said_and_not_sent(stack: RunningStack) -> None:
    """Nor is the readable rest of its body: it would hide what is wrong."""
    half = parked(stack, b'[{"type": "x", "message": {"id": "half"}}, {"type": "x"},]')
    whole = parked(stack, b'{"type": "x", "message": {"id": "whole"},}')
    before = records(stack)

    rehearsed = resent(stack, "--all", "--fix=trailing-commas", "--dry-run")
    assert records(stack) == before
    code, said = resent(stack, "--all", "--fix=trailing-commas", "--yes")

    assert rehearsed[0] == code == 1
    assert f"{whole}: would be sent as 1 callback\n" in rehearsed[1]
    for each in (rehearsed[1], said):
        assert f"{half}: not sent, [1].message: missing\n" in each
        assert "1 still cannot be read" in each
    assert records(stack) == before + 1
    wait_for(lambda: not is_dead(stack, whole), "the whole one resent")
    assert is_dead(stack, half)


def test_what_is_said_steers_no_terminal(stack: RunningStack) -> None:
    """A key of the body is part of its problem, and hostile."""
    place = parked(stack, b'{"\x1b[31mkey\x9b": [1 2]}')

    code, said = resent(stack, place, "--yes")

    assert code == 1
    assert f"{place}: not sent, \\x1b[31mkey" in said
    assert not {"\x1b", "\x9b"} & {*said}


@pytest.mark.parametrize(("answer", "sent"), [("n", 0), ("y", 1)])
def test_nothing_is_sent_before_it_was_asked(
    stack: RunningStack, answer: str, sent: int
) -> None:
    """On a terminal it asks, and takes no for an answer."""
    place = parked(stack, b'{"type": "x", "message": {"id": "asked"},}')
    before = records(stack)
    ours, theirs = pty.openpty()
    command = ["dead-letters", "resend", place, "--fix=trailing-commas"]
    with subprocess.Popen(
        [*PROGRAM, *command, f"--data-dir={stack.data_dir}"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        os.write(ours, f"{answer}\n".encode())
        said, _ = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)

    assert "Repair and resend 1 dead letter? [y/N]" in said
    assert process.returncode == 0
    assert records(stack) == before + sent
    if sent:
        wait_for(lambda: not is_dead(stack, place), "no dead letter any more")


def editor(folder: Path, *commands: str) -> str:
    """Make an editor that runs shell commands on its file, "$1"."""
    program = folder / "editor"
    program.write_text("\n".join(["#!/bin/sh", *commands]))
    program.chmod(stat.S_IRWXU)
    return str(program)


def test_editor_mends_in_a_file_of_its_own(stack: RunningStack, tmp_path: Path) -> None:
    """EDITOR opens a file that nobody else reads; it is gone afterwards."""
    place = parked(stack, b'{"type": "x", "message": {"id": 7}}')
    program = editor(
        tmp_path,
        f'ls -l "$1" > {tmp_path}/seen',
        f'echo "$1" >> {tmp_path}/seen',
        """sed -i 's/7/"edited"/' "$1" """,
    )

    done = run_command(
        "dead-letters",
        "resend",
        f"--data-dir={stack.data_dir}",
        place,
        "--edit",
        "--yes",
        environment={"VISUAL": "", "EDITOR": program},
    )

    assert done.stdout.endswith("1 dead letter sent as 1 callback.\n")
    listed, path = (tmp_path / "seen").read_text().splitlines()
    assert listed.startswith("-rw------- ")
    assert not Path(path).parent.exists()
    wait_for(lambda: not is_dead(stack, place), "no dead letter any more")
    assert rows(
        stack, "select message_id from callbacks where origin = $place", place=place
    ) == [("edited",)]


AGAIN = "Still wrong: message.id: expected string, got int. Edit it again?"
ONE_TO_TWO_TO_TEXT = """sed -i 's/"id": 2/"id": "mine"/; s/"id": 1/"id": 2/' "$1" """
ONE_TO_TEXT = """sed -i 's/"id": 1/"id": "mine"/' "$1" """


@pytest.mark.parametrize(
    ("commands", "answers", "sent", "questions"),
    [
        pytest.param("true", [False], 0, [AGAIN], id="given up"),
        pytest.param(ONE_TO_TEXT, [False], 0, ["send 1 callback?"], id="not wanted"),
        pytest.param(
            ONE_TO_TWO_TO_TEXT, [True, True], 1, [AGAIN, "send 1 callback?"], id="twice"
        ),
    ],
)
def test_editing_goes_on_until_it_can_be_read_or_is_given_up(  # noqa: PLR0913
    stack: RunningStack,
    tmp_path: Path,
    *,
    commands: str,
    answers: list[bool],
    sent: int,
    questions: list[str],
) -> None:
    """What is still wrong is said each time; nothing is sent without consent."""
    place = parked(stack, b'{"type": "x", "message": {"id": 1}}')
    before = records(stack)
    left, asked = list(answers), list[str]()

    def ask(question: str) -> bool:
        asked.append(question.removeprefix(f"{place}: "))
        return left.pop(0)

    tally = resend.run(
        stack.data_dir,
        stack.run_file.bootstrap_servers,
        resend.Asked(Choice((place,)), editor=[editor(tmp_path, commands)]),
        resend.Talk(print, ask),
    )

    assert asked == questions
    assert tally.sent == sent
    assert tally.unreadable + tally.skipped == 1 - sent
    assert records(stack) == before + sent


def test_two_at_once_are_refused(stack: RunningStack) -> None:
    """Both would find that nothing has been sent yet."""
    servers = stack.run_file.bootstrap_servers

    def run(talk: resend.Talk) -> None:
        resend.run(stack.data_dir, servers, resend.Asked(Choice()), talk)

    def ask(_question: str) -> bool:
        with pytest.raises(ConfigurationError, match="Another resend runs"):
            run(resend.Talk(print, lambda _question: True))
        return False

    parked(stack, b"[")
    before = records(stack)
    run(resend.Talk(print, ask))
    assert records(stack) == before


def test_kafka_that_does_not_answer_is_said(stack: RunningStack) -> None:
    """One sentence and exit code 2; nothing is sent."""
    code, said = resent(stack, "--all", "--yes", "--bootstrap-servers=127.0.0.1:1")

    assert code == 2
    assert said.startswith("Error: No Kafka answers at 127.0.0.1:1: start it")
