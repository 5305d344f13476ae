"""The doctor beside a real stack: nothing wrong while it is well, then each fault."""

import signal
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import psutil
import pytest
from kafka import TopicPartition

from streams import topics
from streams.settings import load
from streams.stack.doctor import archive, facts
from tests.broker.conftest import RunningStack, run_command, stacks
from tests.broker.test_stack_topics import setting
from tests.broker.test_stack_up import post

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One stack that has archived a callback."""
    with stacks(tmp_path_factory.mktemp("doctor")) as start:
        stack = start(UNDELIVERED_FLUSH_SECONDS="0.5", UNDELIVERED_COUNTS_SECONDS="1")
        post(stack)
        yield stack


def doctor(stack: RunningStack, *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run `undelivered doctor`; return exit code and findings by check."""
    done = run_command(
        "doctor", "--format=json", f"--data-dir={stack.data_dir}", *options
    )
    assert done.stderr == ""
    findings = msgspec.json.decode(done.stdout)
    return done.returncode, {finding["check"]: finding for finding in findings}


def test_everything_is_well_on_a_healthy_stack(stack: RunningStack) -> None:
    """Exit code 0, one line a check, marks and words."""
    done = run_command("doctor", f"--data-dir={stack.data_dir}")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert len(lines) == 15
    assert [line for line in lines if not line.startswith("✓ well ")] == []
    code, found = doctor(stack)
    assert code == 0
    assert stack.run_file.bootstrap_servers in found["kafka"]["found"]
    assert (
        topics.current_log(stack.run_file.bootstrap_servers).log_id
        in (found["topics"]["found"])
    )


def test_topic_that_would_lose_records_is_wrong(stack: RunningStack) -> None:
    """And nothing is judged by its offsets."""
    servers = stack.run_file.bootstrap_servers
    with setting(servers, topics.CALLBACKS, "cleanup.policy", "compact"):
        code, found = doctor(stack)

    assert code == 1
    assert found["topics"]["state"] == "wrong"
    assert "cleanup.policy=compact: set" in found["topics"]["found"]
    assert found["positions"]["state"] == "not checked"
    assert doctor(stack, "--partitions=16")[1]["topics"]["state"] == "wrong"


def test_worker_that_hangs_is_wrong(stack: RunningStack) -> None:
    """It runs and does not answer; the way to its log is told."""
    worker = psutil.Process(stack.run_file.pids.worker)
    worker.send_signal(signal.SIGSTOP)
    try:
        code, found = doctor(stack)
    finally:
        worker.send_signal(signal.SIGCONT)

    assert code == 1
    assert found["worker"]["state"] == "wrong"
    assert "worker.log" in found["worker"]["advice"]
    assert found["receiver"]["state"] == "well"


def test_records_that_wait_or_are_gone_are_told(
    stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Kafka holds and the archive does not, and what Kafka has deleted."""
    worker = psutil.Process(stack.run_file.pids.worker)
    worker.send_signal(signal.SIGSTOP)
    try:
        post(stack)
        assert "1 records behind" in doctor(stack)[1]["positions"]["found"]
        monkeypatch.setattr(facts, "DUE_AFTER", timedelta(0))
        overdue = archive.positions(facts.gather(load(data_dir=stack.data_dir)))
        delete_records(stack)
        code, found = doctor(stack)
    finally:
        worker.send_signal(signal.SIGCONT)

    assert overdue.found.startswith("1 records are not archived yet, 1 of them older")
    assert code == 1
    assert "Kafka has deleted 1 records" in found["positions"]["found"]


def delete_records(stack: RunningStack) -> None:
    """Let Kafka delete everything, as its retention does."""
    servers = stack.run_file.bootstrap_servers
    ends = topics.end_offsets(servers)
    admin = topics.admin_client(servers)
    try:
        admin.delete_records(
            {TopicPartition(topics.CALLBACKS, n): end for n, end in ends.items()}
        )
    finally:
        admin.close()


def test_stack_that_ended_is_wrong(stack: RunningStack) -> None:
    """The last test of the module: nothing runs, the archive is well all the same."""
    servers = stack.run_file.bootstrap_servers
    stack.end()

    code, found = doctor(stack)
    assert code == 1
    wrong = {name for name, each in found.items() if each["state"] == "wrong"}
    # What the test before let Kafka delete is a gap, unless it was fetched before.
    assert wrong - {"gaps"} == {"stack", "kafka"}
    assert "undelivered up" in found["stack"]["advice"]
    assert found["table callbacks"]["state"] == "well"
    code, found = doctor(stack, f"--bootstrap-servers={servers}")
    assert code == 1
    assert f"No Kafka answers at {servers}" in found["kafka"]["found"]
