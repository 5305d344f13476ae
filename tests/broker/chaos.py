"""Kafka and a group of workers that things are done to, and what came of it."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from streams import topics
from streams.settings import load as load_settings
from streams.stack import jars, ports, strays
from streams.stack.child import Child
from streams.stack.kafka import Kafka

_COMMITS, _REFUSED = "undelivered_commits_total", 'result="refused"'
_TAKEN_IN, _ARCHIVED = "undelivered_taken_in_position{", "undelivered_position{"
_LOOK_SECONDS = 0.25


class Broker:
    """An embedded Kafka that may be killed and started again on the same log."""

    def __init__(self, data_dir: Path) -> None:
        """Start it and wait until it answers."""
        port = ports.choose("kafka", 0)
        controller = ports.choose("kafka", 0, taken={port})
        output = data_dir / "logs" / "kafka.log"
        output.parent.mkdir(parents=True, exist_ok=True)
        kafka = Kafka(data_dir / "kafka", jars.find(load_settings()), port, controller)
        self.servers = kafka.bootstrap_servers
        self._child = Child(
            name="kafka",
            command=kafka.prepare(output),
            environment={**os.environ, strays.VARIABLE: strays.new_mark(data_dir)},
            output=output,
            problem=lambda: topics.unreachable(self.servers, 1500),
            folder=kafka.folder,
        )
        self._start()

    def kill(self) -> None:
        """Kill it with -9, and start it again."""
        process = psutil.Process(self._child.pid)
        process.kill()
        process.wait(30)
        self._start()

    def end(self) -> None:
        """End it for good."""
        self._child.end()

    def _start(self) -> None:
        self._child.start()
        deadline = time.monotonic() + 120
        while self._child.problem() is not None:
            if time.monotonic() > deadline:
                pytest.fail(f"Kafka does not answer: {self._child.last_words()}")
            time.sleep(_LOOK_SECONDS)


@dataclass
class Worker:
    """One worker process."""

    process: "subprocess.Popen[bytes]"
    port: int
    refused: int = 0


@dataclass
class Group:
    """Three workers; one that ends by itself is started again, as a supervisor does.

    Attributes:
        servers: Kafka's address.
        data_dir: Where the archive is.
        workers: Those that shall run.
        happened: How often what was done, and what came of it.
        recovered: Seconds from a fault until all that was there then was archived.
    """

    servers: str
    data_dir: Path
    workers: list[Worker] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    recovered: dict[str, list[float]] = field(default_factory=dict)

    def start(self, count: int) -> None:
        """Start that many workers more."""
        self.workers += [self.spawn() for _ in range(count)]

    def spawn(self, group: str = "undelivered-worker") -> Worker:
        """Start a worker with wide race windows in a consumer group."""
        port = ports.choose("worker", 0)
        logs = self.data_dir.parent / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / f"worker-{port}.log").open("wb") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.broker.slow_worker", "work"),
                    f"--bootstrap-servers={self.servers}",
                    f"--data-dir={self.data_dir}",
                    f"--worker-port={port}",
                ],
                env={
                    **os.environ,
                    "UNDELIVERED_FLUSH_SECONDS": "0.5",
                    "UNDELIVERED_COUNTS_SECONDS": "1",
                    "UNDELIVERED_WORKER_GROUP": group,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return Worker(process, port)

    def tend(self) -> None:
        """Start again what ended by itself, and read what was refused."""
        for number, worker in enumerate(self.workers):
            if worker.process.poll() is not None:
                self.happened["ended by themselves"] += 1
                self.workers[number] = self.spawn()
            else:
                self.look(worker)

    def look(self, worker: Worker) -> None:
        """Note how many commits of a worker were refused."""
        refused = total(worker.port, _COMMITS, _REFUSED)
        if refused > worker.refused:
            self.happened["refused commits"] += refused - worker.refused
            worker.refused = refused

    def wait_for(self, look: Callable[[], bool], what: str, seconds: float) -> float:
        """Wait for something while the group is tended; return for how long."""
        began = time.monotonic()
        while not look():
            if time.monotonic() - began > seconds:
                pytest.fail(f"waited {seconds:.0f} s in vain: {what}\n{self.logs()}")
            self.tend()
            time.sleep(_LOOK_SECONDS)
        return time.monotonic() - began

    def replace(self, worker: Worker, number: signal.Signals) -> None:
        """Send a worker a signal that ends it, and start another in its place."""
        self.look(worker)
        worker.process.send_signal(number)
        worker.process.wait(60)
        self.workers[self.workers.index(worker)] = self.spawn()

    def end(self) -> list[int]:
        """End all workers by SIGTERM; return their exit codes."""
        for worker in self.workers:
            self.look(worker)
            worker.process.terminate()
        return [worker.process.wait(120) for worker in self.workers]

    def kill(self) -> None:
        """Kill whatever is left."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()

    def logs(self) -> str:
        """Return the last lines of all logs."""
        found = sorted((self.data_dir.parent / "logs").glob("*.log"))
        return "\n".join(f"--- {f.name}\n{f.read_text()[-1500:]}" for f in found)


def has_something_to_commit(worker: Worker) -> bool:
    """Tell whether a worker has taken in what it has not archived yet."""
    return total(worker.port, _TAKEN_IN) > total(worker.port, _ARCHIVED)


def has_begun(worker: Worker) -> bool:
    """Tell whether a worker has taken something in."""
    return total(worker.port, _TAKEN_IN) > 0


def total(port: int, name: str, label: str = "") -> int:
    """Add a worker's metric up; 0 while it is silent."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=1) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return 0
    found = (line for line in lines if line.startswith(name) and label in line)
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in found)
