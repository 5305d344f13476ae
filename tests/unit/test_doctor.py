"""The doctor's checks of facts: what is well, what is wrong, what to do."""

from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from streams.settings import ConfigurationError, Settings, load
from streams.stack import java
from streams.stack.doctor import State, examination, kafka, machine, processes
from streams.stack.doctor.facts import Facts, KafkaFacts
from streams.stack.run_file import Pids, Ports, RunFile
from streams.topics import Log

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SERVERS = "kafka:9092"


def facts(**changed: Any) -> Facts:  # noqa: ANN401 - any fact
    """Make facts: a Kafka elsewhere that answers, no stack here."""
    known: dict[str, Any] = {
        "settings": load(bootstrap_servers=SERVERS),
        "servers": SERVERS,
        "kafka": KafkaFacts("a-cluster", 3, (4, 4), log=Log("a-log", 8)),
        "now": NOW,
    }
    return Facts(**known | changed)


def newest(seconds_ago: float | None, **changed: Any) -> Facts:  # noqa: ANN401
    """Make facts with Kafka's newest record that old."""
    at = None if seconds_ago is None else NOW - timedelta(seconds=seconds_ago)
    return facts(kafka=KafkaFacts("a-cluster", 1, (4, 4), newest_at=at), **changed)


def embedded() -> RunFile:
    """Describe a stack with a Kafka of its own."""
    return RunFile(SERVERS, Ports(kafka=9092), Pids(up=1), 0.0)


# --- Kafka ---------------------------------------------------------------------------


def test_kafka_that_answers_is_named() -> None:
    """Which one it is, for whoever has several."""
    found = kafka.kafka(facts())

    assert found.state is State.WELL
    for words in (SERVERS, "a-cluster", "3 brokers", "4.4"):
        assert words in found.found


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"servers": None, "kafka": None}, "none is known"),
        ({"kafka": None, "kafka_problem": "No Kafka answers at x."}, "answers at x"),
    ],
)
def test_kafka_that_does_not_answer_leaves_the_rest_unchecked(
    changed: dict[str, Any], said: str
) -> None:
    """One thing is wrong, not four."""
    without = facts(**changed)

    assert kafka.kafka(without).state is State.WRONG
    assert said in kafka.kafka(without).found
    for check in (kafka.topics_are_right, kafka.clock):
        assert check(without).state is State.NOT_CHECKED


def test_topics_that_are_wrong_are_told_in_their_own_words() -> None:
    """The sentence that a worker would end with."""
    wrong = KafkaFacts("c", 1, (4, 4), topics_problem="Topic callbacks is compacted.")

    assert kafka.topics_are_right(facts()).state is State.WELL
    found = kafka.topics_are_right(facts(kafka=wrong))
    assert (found.state, found.found) == (State.WRONG, "Topic callbacks is compacted.")


@pytest.mark.parametrize(
    ("seconds_ago", "state"),
    [
        (-60, State.WRONG),
        (-2.5, State.WRONG),
        (-1.5, State.WELL),
        (1, State.WELL),
        (60, State.WELL),
        (61, State.NOT_CHECKED),
        (None, State.NOT_CHECKED),
    ],
)
def test_clock_is_judged_as_far_as_a_record_can_tell(
    seconds_ago: float | None, state: State
) -> None:
    """From the future is wrong; fresh is well; old tells nothing."""
    assert kafka.clock(newest(seconds_ago)).state is state


def test_clock_of_a_kafka_here_is_ours() -> None:
    """However old its records are; from the future they are wrong here too."""
    assert kafka.clock(newest(10_000, run=embedded())).state is State.WELL
    assert kafka.clock(newest(None, run=embedded())).state is State.WELL
    assert kafka.clock(newest(-60, run=embedded())).state is State.WRONG
    elsewhere = newest(10_000, run=embedded(), servers="other:9092")
    assert kafka.clock(elsewhere).state is State.NOT_CHECKED


# --- The stack and who may post -------------------------------------------------------


def test_stack_is_missed_only_where_no_kafka_is_named(tmp_path: Path) -> None:
    """A worker elsewhere is no fault here; a broken run.json is one."""
    alone = load(data_dir=tmp_path)

    assert processes.stack(facts()).state is State.WELL
    assert processes.stack(facts(settings=alone)).state is State.WRONG
    assert processes.stack(facts(settings=alone, run=embedded())).state is State.WELL
    broken = processes.stack(facts(run_problem="run.json cannot be read"))
    assert broken.state is State.WRONG


@pytest.mark.parametrize("check", [processes.receiver, processes.worker])
def test_process_that_does_not_run_is_told_with_its_log(check: Any) -> None:  # noqa: ANN401
    """Where to look."""
    assert check(facts()).state is State.NOT_CHECKED
    found = check(facts(run=embedded()))

    assert found.state is State.WRONG
    assert f"{found.check}.log" in found.advice


@pytest.mark.parametrize(
    ("settings", "state", "said"),
    [
        (load(), State.WELL, "everybody on this machine"),
        (
            load(username="u", password="p"),  # noqa: S106 - of nobody
            State.WELL,
            "user name and password are set",
        ),
        (load(host="0.0.0.0"), State.WRONG, "everybody at 0.0.0.0"),  # noqa: S104
        (load(username="u"), State.WRONG, "UNDELIVERED_PASSWORD"),
    ],
)
def test_credentials_are_asked_for_beyond_this_machine(
    settings: Settings, state: State, said: str
) -> None:
    """What the receiver would refuse is wrong, before it is started."""
    found = processes.credentials(facts(settings=settings))

    assert found.state is state
    assert said in found.found


# --- The machine ----------------------------------------------------------------------


def test_disk_is_tried_where_the_data_will_be(tmp_path: Path) -> None:
    """Also before the data folder is made; nothing is left behind."""
    found = machine.disk(facts(settings=load(data_dir=tmp_path / "a" / "data")))

    assert found.state is State.WELL
    assert str(tmp_path) in found.found
    assert list(tmp_path.iterdir()) == []


def test_disk_that_is_full_or_cannot_be_written_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less than a gibibyte is soon nothing."""
    here = facts(settings=load(data_dir=tmp_path))

    monkeypatch.setattr(machine, "LEAST_FREE_BYTES", 1 << 60)
    assert machine.disk(here).state is State.WRONG
    system = facts(settings=load(data_dir=Path("/proc")))
    assert "cannot be written" in machine.disk(system).found


def test_version_that_was_not_tested_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker depends on insides of its packages."""
    assert machine.versions(facts()).state is State.WELL

    real = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: "9.9" if name == "aiokafka" else real(name)
    )
    found = machine.versions(facts())
    assert found.state is State.WRONG
    assert found.found == f"aiokafka 9.9 instead of {real('aiokafka')}"


def test_java_is_looked_for_only_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Kafka that is named brings its own."""

    def none() -> tuple[Path, int]:
        raise ConfigurationError("There is no Java.")

    monkeypatch.setattr(java, "find", none)

    assert machine.java_is_new_enough(facts()).state is State.NOT_CHECKED
    found = machine.java_is_new_enough(facts(settings=load()))
    assert (found.state, found.found) == (State.WRONG, "There is no Java.")


# --- All of them ----------------------------------------------------------------------


def test_check_that_fails_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are made all the same."""

    def broken(_facts: Facts) -> Any:  # noqa: ANN401
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(examination, "CHECKS", (broken, machine.versions))

    first, second = examination.examine(load(data_dir=tmp_path))
    assert first.state is State.WRONG
    assert first.found == "the check failed: RuntimeError first line"
    assert second.check == "versions"
