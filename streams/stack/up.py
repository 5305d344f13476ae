"""The whole stack on one machine: Kafka and our processes, kept running."""

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from streams import topics
from streams.intake.authentication import credentials_of
from streams.settings import ConfigurationError, Settings, length_of, variables
from streams.stack import jars, ports, ready, run_file, signals, strays
from streams.stack.child import Child
from streams.stack.console import say
from streams.stack.kafka import Kafka
from streams.stack.supervise import Supervisor
from streams.stack.upkeep import Upkeep

if TYPE_CHECKING:
    from streams.archive.site import Site

_LOCK = "up.lock"
_KAFKA_PROBE_MS = 1500
_WATCHDOG_SECONDS = 5.0
# -P: what is imported is this package, whatever lies in the working folder.
_OUR_PYTHON = (sys.executable, "-P")
# The worker and the receiver go first.
_NICE = ("nice", "-n", "10") if shutil.which("nice") else ()
_PACKAGE_FOLDER = str(Path(__file__).parents[2])
_EXAMPLE = (
    '[{"type":"message-failed","errorCode":4770,"to":"+15552223333",'
    '"message":{"id":"example-1"}}]'
)


def run(settings: Settings) -> int:
    """Run the stack until SIGTERM or Ctrl-C.

    Raises:
        ConfigurationError: It cannot start.
    """
    with signals.raising():
        try:
            with running(settings) as stack:
                stack.say_ready()
                threading.Event().wait()
        except signals.Ended:
            pass
    return 0


@dataclass(slots=True)
class Stack:
    """A stack that runs."""

    settings: Settings
    mark: str
    ports: run_file.Ports
    bootstrap_servers: str = ""

    @property
    def data_dir(self) -> Path:
        """Return its data folder, absolute."""
        return self.settings.data_dir

    @property
    def site(self) -> "Site":
        """Return where its archive lies."""
        from streams.archive import site  # noqa: PLC0415 - slow import

        return site.of(self.settings)

    @property
    def data_dir_option(self) -> str:
        """Return what to add to a command so that it reads this archive."""
        default = Path(Settings.model_fields["data_dir"].default).resolve()
        words = []
        if self.data_dir != default:
            words += ["--data-dir", str(self.data_dir)]
        if self.settings.archive is not None:
            words += ["--archive", self.settings.archive]
        return f" {shlex.join(words)}" if words else ""

    @property
    def callbacks_url(self) -> str:
        """Return where callbacks are posted to."""
        address = ready.address(self.settings.host, self.ports.receiver)
        return f"http://{address}/callbacks"

    @property
    def monitor_address(self) -> str:
        """Return where the monitor answers, host:port."""
        return ready.address(self.settings.host, self.ports.monitor or 0)

    @property
    def rates_url(self) -> str:
        """Return where rates are asked for."""
        return f"http://{self.monitor_address}/api/rates"

    def say_ready(self) -> None:
        """Say where to post, and how to end."""
        user = ""
        if self.settings.username is not None:
            user = '-u "$UNDELIVERED_USERNAME:$UNDELIVERED_PASSWORD" '
        say(f"Ready. Post a callback: curl {user}-d '{_EXAMPLE}' {self.callbacks_url}")
        say(f"See it arrive: undelivered watch{self.data_dir_option}")
        say(f"Then ask: undelivered report overview{self.data_dir_option}")
        say("Ctrl-C ends everything.")

    def write_run_file(self, children: Sequence[Child]) -> None:
        """Write run.json as the stack is now."""
        pids = {child.name: child.pid for child in children}
        servers = self.bootstrap_servers
        run = run_file.of_this_process(servers, self.ports, pids)
        run_file.write(self.data_dir, run)

    @property
    def member_id(self) -> str:
        """Return the worker's name in its group: this data folder of this machine.

        With it a worker that was killed and started again has its partitions at once;
        without it the group would wait until the dead one's session is over.
        """
        if self.settings.member_id is not None:
            return self.settings.member_id
        place = f"{platform.node()}:{self.data_dir}"
        return f"up-{hashlib.sha256(place.encode()).hexdigest()[:16]}"

    def python_child(
        self, name: str, command: str, port: int, *more_words: str
    ) -> Child:
        """Describe the process of one of our own commands."""
        options = {
            "--data-dir": str(self.data_dir),
            "--bootstrap-servers": self.bootstrap_servers,
            "--host": self.settings.host,
            f"--{name}-port": str(port),
        }
        words = [word for pair in options.items() for word in pair]
        address = ready.address(self.settings.host, port)
        return Child(
            name=name,
            command=[*_OUR_PYTHON, "-m", "streams.cli", command, *words, *more_words],
            environment=self.environment(),
            output=self.output(name),
            problem=lambda: ready.unready(address),
        )

    def upkeep(self) -> Upkeep | None:
        """Describe the upkeep of the archive; None where it is switched off."""
        every = length_of(self.settings.maintain_every)
        if not every:
            return None
        command = ["-m", "streams.cli", "maintain", f"--data-dir={self.data_dir}"]
        return Upkeep(
            command=[*_NICE, *_OUR_PYTHON, *command],
            environment=self.environment(),
            output=self.output("maintain"),
            every_seconds=every.total_seconds(),
        )

    def environment(self) -> dict[str, str]:
        """Return the variables of the stack's processes, the mark among them."""
        given = variables(self.settings)
        folders = [_PACKAGE_FOLDER, given.get("PYTHONPATH", "")]
        return {
            **given,
            strays.VARIABLE: self.mark,
            "PYTHONPATH": os.pathsep.join(filter(None, folders)),
            "PYTHONUNBUFFERED": "1",
        }

    def output(self, name: str) -> Path:
        """Return the file that a process's output is added to."""
        return self.data_dir / "logs" / f"{name}.log"


@contextmanager
def running(settings: Settings) -> Iterator[Stack]:
    """Start the stack, keep it running, end it.

    Raises:
        ConfigurationError: It cannot start.
    """
    data_dir = settings.data_dir.expanduser().resolve()
    settings = settings.model_copy(update={"data_dir": data_dir})
    credentials_of(settings)  # what the receiver would refuse, before Kafka is started
    with ExitStack() as cleaning:
        _make_folders(data_dir)
        cleaning.enter_context(_only_one(data_dir))
        _end_strays(data_dir)
        stack = Stack(settings, strays.new_mark(data_dir), run_file.Ports())
        stack.ports = _choose_ports(settings)
        cleaning.enter_context(_watchdog(stack))
        cleaning.callback(run_file.remove, data_dir)
        supervisor = Supervisor(stack.write_run_file)
        cleaning.callback(supervisor.end)
        _start(stack, supervisor)
        supervisor.watch()
        if upkeep := stack.upkeep():
            cleaning.callback(upkeep.begin())
        yield stack


def _start(stack: Stack, supervisor: Supervisor) -> None:
    settings = stack.settings
    if settings.bootstrap_servers is None:
        _start_kafka(stack, supervisor)
    else:
        stack.bootstrap_servers = settings.bootstrap_servers
    topics.ensure_topics(stack.bootstrap_servers, settings.partitions)
    say(f"Kafka     {stack.bootstrap_servers}")
    assert stack.ports.worker is not None  # noqa: S101 - chosen above, for mypy
    assert stack.ports.receiver is not None  # noqa: S101
    worker = stack.python_child(
        "worker", "work", stack.ports.worker, f"--member-id={stack.member_id}"
    )
    receiver = stack.python_child("receiver", "receive", stack.ports.receiver)
    assert stack.ports.monitor is not None  # noqa: S101
    monitor = stack.python_child("monitor", "monitor", stack.ports.monitor)
    for child in (worker, receiver, monitor):
        supervisor.start(child)
    supervisor.wait_until_ready(receiver)
    say(f"Receiver  {stack.callbacks_url}")
    supervisor.wait_until_ready(worker)
    say(f"Worker    http://{ready.address(settings.host, stack.ports.worker)}/metrics")
    supervisor.wait_until_ready(monitor)
    say(f"Monitor   {stack.rates_url}")


def _start_kafka(stack: Stack, supervisor: Supervisor) -> None:
    """Start the embedded Kafka and wait until it answers."""
    assert stack.ports.kafka is not None  # noqa: S101 - chosen for the embedded one
    controller = ports.choose("kafka", 0, taken={stack.ports.kafka})
    folder = stack.data_dir / "kafka"
    kafka = Kafka(folder, jars.find(stack.settings), stack.ports.kafka, controller)
    stack.bootstrap_servers = kafka.bootstrap_servers
    output = stack.output("kafka")
    say("Starting Kafka …")
    child = Child(
        name="kafka",
        command=kafka.prepare(output),
        environment=stack.environment(),
        output=output,
        problem=lambda: topics.unreachable(kafka.bootstrap_servers, _KAFKA_PROBE_MS),
        folder=folder,
        patience_seconds=15.0,
    )
    supervisor.start(child)
    supervisor.wait_until_ready(child)


def _choose_ports(settings: Settings) -> run_file.Ports:
    taken: set[int] = set()
    chosen = run_file.Ports()
    wanted = [
        ("receiver", settings.receiver_port),
        ("monitor", settings.monitor_port),
        ("worker", settings.worker_port),
    ]
    for name, asked in wanted:
        port = ports.choose(name, asked, settings.host, taken)
        setattr(chosen, name, port)
        taken.add(port)
    if settings.bootstrap_servers is None:
        chosen.kafka = ports.choose("kafka", settings.kafka_port, taken=taken)
    return chosen


def _make_folders(data_dir: Path) -> None:
    try:
        (data_dir / "logs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {data_dir} cannot be made ({error.strerror}): set "
            f"--data-dir to another."
        ) from error


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    lock = FileLock(data_dir / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigurationError(
            f"A stack runs on {data_dir} already: use it, end it, or set --data-dir to "
            f"another folder."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {data_dir} cannot be written ({error.strerror}): set "
            f"--data-dir to another."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _end_strays(data_dir: Path) -> None:
    count = strays.kill(strays.of_data_dir(data_dir))
    if count:
        say(f"Ended {count} processes that an earlier run left behind.")


@contextmanager
def _watchdog(stack: Stack) -> Iterator[None]:
    """Run the watchdog; at our end, however it comes, it ends what is left."""
    process = subprocess.Popen(
        [*_OUR_PYTHON, "-m", "streams.stack.watchdog", stack.mark],
        env=stack.environment(),
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield
    finally:
        assert process.stdin is not None  # noqa: S101 - asked for above
        process.stdin.close()
        process.wait(_WATCHDOG_SECONDS)
