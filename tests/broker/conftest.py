"""A real Kafka and real stacks of processes, each in a folder of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import psutil
import pytest

from streams import topics
from streams.settings import load
from streams.stack import jars, ports, strays
from streams.stack.child import Child
from streams.stack.kafka import Kafka
from streams.stack.run_file import RunFile
from streams.stack.supervise import Supervisor

T = TypeVar("T")


def wait_for(look: Callable[[], T | None], what: str, seconds: float = 30.0) -> T:
    """Return the first answer that is neither None nor False; fail at the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None and found is not False:
            return found
        time.sleep(0.05)
    pytest.fail(f"waited {seconds:g} s in vain: {what}")


@contextmanager
def embedded_kafka(data_dir: Path, port: int | None = None) -> Iterator[str]:
    """Run an embedded Kafka on a port, else any; give its address, host:port."""
    port = port or ports.choose("kafka", 0)
    controller = ports.choose("kafka", 0, taken={port})
    output = data_dir / "logs" / "kafka.log"
    output.parent.mkdir(parents=True, exist_ok=True)
    kafka = Kafka(data_dir / "kafka", jars.find(load()), port, controller)
    child = Child(
        name="kafka",
        command=kafka.prepare(output),
        environment={**os.environ, strays.VARIABLE: strays.new_mark(data_dir)},
        output=output,
        problem=lambda: topics.unreachable(kafka.bootstrap_servers, 1500),
        folder=kafka.folder,
    )
    supervisor = Supervisor(lambda _children: None)
    supervisor.start(child)
    try:
        supervisor.wait_until_ready(child)
        yield kafka.bootstrap_servers
    finally:
        supervisor.end()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One embedded Kafka for the whole session: its address, host:port."""
    with embedded_kafka(tmp_path_factory.mktemp("kafka")) as bootstrap_servers:
        yield bootstrap_servers


@dataclass
class RunningStack:
    """The command `up`, or `demo`, as a process, and what it says."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    output: Path

    @property
    def said(self) -> str:
        """Return everything it has printed so far."""
        return self.output.read_text(errors="replace")

    @property
    def run_file(self) -> RunFile:
        """Return run.json as it is now."""
        content = (self.data_dir / "run.json").read_bytes()
        return msgspec.json.decode(content, type=RunFile)

    def wait_until_said(self, words: str, seconds: float = 60.0) -> None:
        """Wait for words in its output; fail when it ends without them."""

        def look() -> bool:
            ended = self.process.poll() is not None
            found = words in self.said
            if ended and not found:
                pytest.fail(f"it ended without {words!r}:\n{self.said}{self.logs()}")
            return found

        wait_for(look, f"{words!r} in its output:\n{self.said}", seconds)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def processes(self) -> list[psutil.Process]:
        """Return what runs on its data folder, but for the process itself."""
        return list(strays.of_data_dir(self.data_dir))

    def listening(self) -> set[int]:
        """Return the ports of run.json that somebody listens on."""
        given = msgspec.to_builtins(self.run_file.ports).values()
        wanted = {port for port in given if port is not None}
        return {port for port in wanted if not ports.is_free("127.0.0.1", port)}

    def logs(self) -> str:
        """Return the last lines of all logs, to be shown when a test fails."""
        found = sorted((self.data_dir / "logs").glob("*.log"))
        ends = (f"--- {log.name}\n{log.read_text()[-2000:]}" for log in found)
        return "\n".join(ends)


Start = Callable[..., RunningStack]
PROGRAM = (sys.executable, "-m", "streams.cli")
FREE_PORTS = tuple(
    f"--{name}-port=0" for name in ("receiver", "monitor", "worker", "kafka")
)


@contextmanager
def stacks(folder: Path) -> Iterator[Start]:
    """Start stacks on a folder; whatever is left at the end is killed."""
    started: list[RunningStack] = []

    def start(
        *options: str,
        command: str = "up",
        wait_for_words: str = "Ready.",
        seconds: float = 120.0,
        **environment: str,
    ) -> RunningStack:
        data_dir = folder.resolve() / "data"
        output = folder / f"said-{len(started)}"
        given = options or FREE_PORTS
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*PROGRAM, command, f"--data-dir={data_dir}", *given],
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        stack = RunningStack(process, data_dir, output)
        started.append(stack)
        stack.wait_until_said(wait_for_words, seconds)
        return stack

    try:
        yield start
    finally:
        for stack in started:
            if stack.process.poll() is None:
                stack.process.kill()
                stack.process.wait()
            strays.kill(strays.of_data_dir(stack.data_dir))


@pytest.fixture
def start_stack(tmp_path: Path) -> Iterator[Start]:
    """Start stacks on this test's folder; whatever is left is killed after it."""
    with stacks(tmp_path) as start:
        yield start


def run_command(
    *words: str, seconds: float = 60.0, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of the program to its end; give exit code and output."""
    return subprocess.run(
        [*PROGRAM, *words],
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**os.environ, **(environment or {})},
        check=False,
    )


def crowding() -> float:
    """Return how many processes want each processor, at least one."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
