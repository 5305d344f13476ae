"""`up`: everything starts, stays, and ends together, whoever is killed."""

import http.client
import os
import signal
import socket
from pathlib import Path

import msgspec
import psutil
import pytest

from streams import topics
from streams.settings import DEFAULT_PORTS
from streams.stack import ports, run_file, strays
from tests.broker.conftest import (
    FREE_PORTS,
    RunningStack,
    Start,
    run_command,
    wait_for,
)

pytestmark = pytest.mark.broker
BODY = (
    b'[{"type":"message-failed","time":"2026-05-04T10:00:00Z","errorCode":4770,'
    b'"to":"+525512345678","message":{"id":"message-1"}}]'
)
NAMES = ("receiver", "worker", "kafka")


def post(stack: RunningStack, body: bytes = BODY) -> tuple[int, bytes]:
    """Post a body to the stack's receiver; give status and answer."""
    port = stack.run_file.ports.receiver
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/callbacks", body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def records_in(stack: RunningStack) -> int:
    """Count the records of topic callbacks by its offsets."""
    from kafka import KafkaConsumer, TopicPartition  # noqa: PLC0415 - slow

    servers = stack.run_file.bootstrap_servers
    log = topics.current_log(servers)
    partitions = [TopicPartition(topics.CALLBACKS, n) for n in range(log.partitions)]
    with KafkaConsumer(bootstrap_servers=servers) as consumer:
        return sum(consumer.end_offsets(partitions).values())


def pid_of(stack: RunningStack, name: str) -> int | None:
    """Return a process's id as run.json has it now."""
    pids: dict[str, int | None] = msgspec.to_builtins(stack.run_file.pids)
    return pids[name]


def nothing_is_left(stack: RunningStack, listened: set[int]) -> bool:
    """Tell whether no process lives on the data folder and none of its ports does."""
    free = all(ports.is_free("127.0.0.1", port) for port in listened)
    return free and not stack.processes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stack_takes_a_callback_and_ends_without_a_trace(
    start_stack: Start, number: signal.Signals
) -> None:
    """Exit code 0, no process, no port, no run.json; the same for Ctrl-C."""
    stack = start_stack()
    listened = stack.listening()
    run = stack.run_file
    assert listened == {run.ports.receiver, run.ports.worker, run.ports.kafka}
    assert run.pids.up == stack.process.pid
    assert run.pids.monitor is None
    assert {process.pid for process in stack.processes()} >= {
        pid_of(stack, name) for name in NAMES
    }

    assert post(stack) == (200, b'{"accepted":1,"parked":0,"problems":[]}')
    assert records_in(stack) == 1
    assert stack.end(number) == 0

    assert nothing_is_left(stack, listened)
    assert not (stack.data_dir / "run.json").exists()


def test_kill_9_of_up_ends_everything(start_stack: Start) -> None:
    """Nobody is left to hold the ports; the next start finds a clean machine."""
    stack = start_stack()
    listened = stack.listening()

    stack.end(signal.SIGKILL)

    wait_for(lambda: nothing_is_left(stack, listened), "the end of all processes", 10)
    assert run_file.read(stack.data_dir) is None


@pytest.mark.parametrize("name", NAMES)
def test_process_that_is_killed_is_started_again(start_stack: Start, name: str) -> None:
    """One line says so, run.json has the new process, and callbacks are taken."""
    stack = start_stack()
    before = pid_of(stack, name)
    assert before is not None

    os.kill(before, signal.SIGKILL)

    stack.wait_until_said("ended (signal 9)")
    after = wait_for(lambda: pid_of(stack, name), f"another {name}")
    assert after != before
    assert psutil.pid_exists(after)
    wait_for(lambda: accepts(stack), "a callback that is accepted", 40)
    said = [line for line in stack.said.splitlines() if "ended (signal 9)" in line]
    assert len(said) == 1
    assert "It is started again in 0.5 s" in said[0]


def accepts(stack: RunningStack) -> bool:
    """Tell whether a callback is accepted now."""
    try:
        status, _ = post(stack)
    except OSError:
        return False
    return status == 200


def test_kill_9_of_everything_then_start_again(start_stack: Start) -> None:
    """What was answered 200 is still there: the topic is recovered, not made anew."""
    stack = start_stack()
    for number in range(20):
        body = BODY.replace(b"message-1", b"message-%d" % number)
        assert post(stack, body)[0] == 200
    log = topics.current_log(stack.run_file.bootstrap_servers)
    for victim in [psutil.Process(stack.process.pid), *stack.processes()]:
        victim.kill()
    stack.process.wait()

    again = start_stack()

    assert topics.current_log(again.run_file.bootstrap_servers) == log
    assert records_in(again) == 20


def test_processes_that_an_earlier_run_left_are_ended_first(
    start_stack: Start,
) -> None:
    """`up` and its watchdog killed at once: Kafka lives on and holds its log."""
    stack = start_stack()
    watchdog = next(
        process
        for process in stack.processes()
        if "streams.stack.watchdog" in process.cmdline()
    )
    stack.process.send_signal(signal.SIGSTOP)  # else it starts another watchdog
    watchdog.kill()
    stack.end(signal.SIGKILL)
    left = {process.pid for process in stack.processes()}
    assert left >= set()

    again = start_stack()

    assert f"Ended {len(left)} processes that an earlier run left behind." in again.said
    assert left.isdisjoint(process.pid for process in again.processes())


def test_second_stack_on_a_data_folder_is_refused(start_stack: Start) -> None:
    """Two Kafkas on one log would destroy it."""
    stack = start_stack()

    done = run_command("up", f"--data-dir={stack.data_dir}", *FREE_PORTS)

    assert done.returncode == 2
    assert done.stderr == (
        f"Error: A stack runs on {stack.data_dir} already: use it, end it, or set "
        f"--data-dir to another folder.\n"
    )
    assert accepts(stack)


def test_busy_default_port_is_replaced_and_said(start_stack: Start) -> None:
    """Another program on 8780 does not keep the stack from starting."""
    default = DEFAULT_PORTS["receiver"]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ports.is_free("127.0.0.1", default):  # else somebody has it already
            other.bind(("127.0.0.1", default))
            other.listen()
        stack = start_stack("--worker-port=0", "--kafka-port=0")

    port = stack.run_file.ports.receiver
    assert port != default
    assert f"Port {default} is busy, so the receiver takes {port}.\n" in stack.said


@pytest.mark.parametrize("name", ["receiver", "worker", "kafka"])
def test_busy_explicit_port_ends_with_2(tmp_path: Path, name: str) -> None:
    """Whoever asks for a port gets that one or an error."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        given = dict.fromkeys(NAMES, 0) | {name: port}
        options = [f"--{key}-port={value}" for key, value in given.items()]

        done = run_command("up", f"--data-dir={tmp_path}", *options)

    assert done.returncode == 2
    assert done.stderr == (
        f"Error: Port {port} on 127.0.0.1 is busy: end what uses it, or give the "
        f"{name} another with --{name}-port (0 takes any free one).\n"
    )


def test_further_worker_finds_the_stack_by_its_data_folder(start_stack: Start) -> None:
    """`work --data-dir` alone: Kafka's address comes from run.json."""
    stack = start_stack()

    further = start_stack("--worker-port=0", command="work", wait=False)

    wait_for(lambda: "ready" in further.said, "a second worker that is ready")
    assert further.end() == 0
    assert strays.VARIABLE not in psutil.Process(stack.process.pid).environ()


def test_stack_on_a_cluster_starts_no_kafka(start_stack: Start, kafka: str) -> None:
    """With --bootstrap-servers only the receiver and the worker are ours."""
    stack = start_stack(f"--bootstrap-servers={kafka}", *FREE_PORTS)

    assert stack.run_file.bootstrap_servers == kafka
    assert stack.run_file.ports.kafka is None
    assert stack.run_file.pids.kafka is None
    assert accepts(stack)


def test_run_json_is_what_the_contract_says(start_stack: Start) -> None:
    """Other software reads it: its keys are fixed."""
    stack = start_stack()

    content = msgspec.json.decode((stack.data_dir / "run.json").read_bytes())

    names = {"receiver", "monitor", "worker", "kafka"}
    assert content.keys() == {"bootstrap_servers", "ports", "pids", "up_started"}
    assert content["ports"].keys() == names
    assert content["pids"].keys() == names | {"up"}
    assert content["bootstrap_servers"] == f"127.0.0.1:{content['ports']['kafka']}"
