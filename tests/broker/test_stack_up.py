"""`up`: everything starts, stays, and ends together, whoever is killed."""

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from streams import topics
from streams.settings import DEFAULT_PORTS
from streams.stack import ports, run_file
from tests.broker.conftest import (
    FREE_PORTS,
    PROGRAM,
    RunningStack,
    Start,
    run_command,
    stacks,
    wait_for,
)

pytestmark = pytest.mark.broker
BODY = (
    b'[{"type":"message-failed","time":"2026-05-04T10:00:00Z","errorCode":4770,'
    b'"to":"+525512345678","message":{"id":"message-1"}}]'
)
KAFKA_RUNS, RECEIVER_RUNS = "Kafka     127", "Receiver  http"
WATCHDOG = "streams.stack.watchdog"
NAMES = ("receiver", "monitor", "worker", "kafka")


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


def accepts(stack: RunningStack) -> bool:
    """Tell whether a callback is accepted now."""
    try:
        status, _ = post(stack)
    except OSError:
        return False
    return status == 200


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One stack for the tests after which it still runs."""
    with stacks(tmp_path_factory.mktemp("stack")) as start:
        yield start()


def test_running_stack_is_described_by_run_json(stack: RunningStack) -> None:
    """Other software reads it: its keys are fixed, and what it says is so."""
    run = stack.run_file
    content = msgspec.json.decode((stack.data_dir / "run.json").read_bytes())

    assert content.keys() == {"bootstrap_servers", "ports", "pids", "up_started"}
    assert content["ports"].keys() == {*NAMES}
    assert content["pids"].keys() == {*NAMES, "up"}
    assert run.bootstrap_servers == f"127.0.0.1:{run.ports.kafka}"
    assert stack.listening() == set(msgspec.to_builtins(run.ports).values())
    assert run.pids.up == stack.process.pid
    running = {process.pid for process in stack.processes()}
    assert running >= {pid_of(stack, name) for name in NAMES}


def test_accepted_callback_is_in_the_topic(stack: RunningStack) -> None:
    """It is there before it is answered."""
    before = records_in(stack)

    assert post(stack) == (200, b'{"accepted":1,"parked":0,"problems":[]}')

    assert records_in(stack) == before + 1


def test_a_failure_is_watched_as_it_comes(stack: RunningStack) -> None:
    """The picture of the terminal shows a callback that was just accepted."""
    body = BODY.replace(b'"time":"2026-05-04T10:00:00Z",', b"")
    assert post(stack, body.replace(b"message-1", b"message-now"))[0] == 200
    data_dir = f"--data-dir={stack.data_dir}"

    def shown() -> str | None:
        done = run_command("watch", "--once", data_dir)
        assert done.returncode == 0, done.stderr
        return done.stdout if "MX Mexico" in done.stdout else None

    picture = wait_for(shown, "the failure in the picture", 60)
    assert "4770 Carrier" in picture
    assert "Counted up to" in picture


def test_without_a_monitor_watch_says_what_to_start(tmp_path: Path) -> None:
    """One sentence, exit code 2."""
    done = run_command("watch", f"--data-dir={tmp_path}", "--monitor-port=1")

    assert done.returncode == 2
    assert done.stderr.startswith("Error: No monitor answers at 127.0.0.1:1 (")
    assert done.stderr.count("\n") == 1


def test_second_stack_on_a_data_folder_is_refused(stack: RunningStack) -> None:
    """Two Kafkas on one log would destroy it."""
    done = run_command("up", f"--data-dir={stack.data_dir}", *FREE_PORTS)

    assert done.returncode == 2
    assert done.stderr == (
        f"Error: A stack runs on {stack.data_dir} already: use it, end it, or set "
        f"--data-dir to another folder.\n"
    )
    assert accepts(stack)


def test_further_worker_finds_the_stack_by_its_data_folder(
    stack: RunningStack,
) -> None:
    """`work --data-dir` alone: Kafka's address comes from run.json."""
    further = subprocess.Popen(
        [*PROGRAM, "work", f"--data-dir={stack.data_dir}", "--worker-port=0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    with further:
        assert further.stdout is not None
        said = further.stdout.readline()
        further.terminate()

    kafka = stack.run_file.bootstrap_servers
    assert said.startswith(f"Working for Kafka {kafka}, health on 127.0.0.1:")


@pytest.mark.parametrize("name", NAMES)
def test_process_that_is_killed_is_started_again(
    stack: RunningStack, name: str
) -> None:
    """One line says so, run.json has the new process, and callbacks are taken."""
    said_before = stack.said
    before = pid_of(stack, name)
    assert before is not None

    os.kill(before, signal.SIGKILL)

    after = wait_for(
        lambda: pid if (pid := pid_of(stack, name)) != before else None,
        f"another {name} in run.json",
    )
    assert psutil.pid_exists(after)
    wait_for(lambda: accepts(stack), "a callback that is accepted", 40)
    line = stack.said.removeprefix(said_before).splitlines()[0]
    title = "Kafka" if name == "kafka" else f"The {name}"
    assert line == (
        f"{title} ended (signal 9). It is started again in 0.5 s "
        f"(log: {stack.data_dir / 'logs' / name}.log)."
    )


def test_stack_on_a_cluster_starts_no_kafka_and_leaves_no_trace(
    start_stack: Start, kafka: str
) -> None:
    """No Kafka is ours; another program on 8780 is no obstacle."""
    default = DEFAULT_PORTS["receiver"]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ports.is_free("127.0.0.1", default):  # else somebody has it already
            other.bind(("127.0.0.1", default))
            other.listen()
        stack = start_stack(
            f"--bootstrap-servers={kafka}", "--worker-port=0", "--monitor-port=0"
        )
    run = stack.run_file
    assert run.bootstrap_servers == kafka
    assert (run.ports.kafka, run.pids.kafka) == (None, None)
    port, listened = run.ports.receiver, stack.listening()
    assert port != default
    assert listened == {port, run.ports.worker, run.ports.monitor}
    assert f"Port {default} is busy, so the receiver takes {port}.\n" in stack.said
    assert accepts(stack)

    assert stack.end(signal.SIGTERM) == 0

    assert nothing_is_left(stack, listened)
    assert not (stack.data_dir / "run.json").exists()


def test_kill_9_of_everything_then_start_again(start_stack: Start) -> None:
    """What was answered 200 is still there: the topic is recovered, not made anew."""
    stack = start_stack(wait_for_words=RECEIVER_RUNS)
    for number in range(20):
        body = BODY.replace(b"message-1", b"message-%d" % number)
        assert post(stack, body)[0] == 200
    log = topics.current_log(stack.run_file.bootstrap_servers)
    for victim in [psutil.Process(stack.process.pid), *stack.processes()]:
        victim.kill()
    stack.process.wait()

    again = start_stack(wait_for_words=KAFKA_RUNS)

    assert topics.current_log(again.run_file.bootstrap_servers) == log
    assert records_in(again) == 20


def test_nothing_outlives_up_even_when_it_is_killed(start_stack: Start) -> None:
    """Kill -9 of `up` alone, then of `up` and of the watchdog that is to end the rest.

    In the second case Kafka lives on and holds its log, until the next start.
    """
    first = start_stack(wait_for_words=RECEIVER_RUNS)
    listened = first.listening()
    first.end(signal.SIGKILL)
    wait_for(lambda: nothing_is_left(first, listened), "the end of all processes", 10)
    assert run_file.read(first.data_dir) is None

    second = start_stack()  # until it is ready: nothing is being started any more
    watchdogs = [p for p in second.processes() if WATCHDOG in p.cmdline()]
    for watchdog in watchdogs:
        watchdog.kill()
    second.process.kill()
    second.process.wait()
    left = second.processes()
    assert pid_of(second, "kafka") in {process.pid for process in left}

    third = start_stack(wait_for_words=KAFKA_RUNS)

    assert f"Ended {len(left)} processes that an earlier run left beh" in third.said
    assert not any(process.is_running() for process in left)


@pytest.mark.parametrize("name", NAMES)
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
