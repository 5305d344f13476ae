"""The file run.json in the data folder: how other commands find the running stack."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import psutil

from streams.settings import DEFAULT_PORTS, ConfigurationError, Settings
from streams.stack import ready

_NAME = "run.json"
# Clocks that are set while a stack runs move its start time by a little.
_SAME_START_SECONDS = 2.0


class Ports(msgspec.Struct):
    """The port of each process; None where it does not run here."""

    receiver: int | None = None
    monitor: int | None = None
    worker: int | None = None
    kafka: int | None = None


class Pids(msgspec.Struct):
    """The process id of each process; None while it does not run."""

    up: int
    receiver: int | None = None
    monitor: int | None = None
    worker: int | None = None
    kafka: int | None = None


class RunFile(msgspec.Struct):
    """A running stack: Kafka's address, ports, process ids, when `up` started."""

    bootstrap_servers: str
    ports: Ports
    pids: Pids
    up_started: float


def read(data_dir: Path) -> RunFile | None:
    """Return the stack that runs on a data folder; None without one, or if it is dead.

    Raises:
        ConfigurationError: The file is not one of ours.
    """
    path = data_dir / _NAME
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        found = msgspec.json.decode(content, type=RunFile)
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error}): remove it; `undelivered up` writes it."
        ) from error
    return found if _is_alive(found) else None


def write(data_dir: Path, run: RunFile) -> None:
    """Replace the file as a whole: a reader sees the old one or the new one."""
    content = msgspec.json.format(msgspec.json.encode(run), indent=2)
    unfinished = data_dir / f".{_NAME}.unfinished"
    unfinished.write_bytes(content + b"\n")
    unfinished.replace(data_dir / _NAME)


def remove(data_dir: Path) -> None:
    """Say that no stack runs on the data folder any more."""
    (data_dir / _NAME).unlink(missing_ok=True)


def of_this_process(
    servers: str, ports: Ports, children: Mapping[str, int | None]
) -> RunFile:
    """Describe the stack that this process runs.

    Args:
        servers: Kafka's address, host:port[,host:port].
        ports: The port of each process.
        children: The process id of each process by name, None while it does not run.
    """
    own = psutil.Process()
    return RunFile(servers, ports, Pids(up=own.pid, **children), own.create_time())


def bootstrap_servers(settings: Settings) -> str:
    """Return the Kafka to use: the one that is set, else the running stack's.

    Raises:
        ConfigurationError: There is neither.
    """
    if settings.bootstrap_servers is not None:
        return settings.bootstrap_servers
    run = read(settings.data_dir)
    if run is None:
        raise ConfigurationError(
            f"No stack runs on {settings.data_dir}: start one with `undelivered up "
            f"--data-dir {settings.data_dir}`, or name a Kafka with "
            f"--bootstrap-servers."
        )
    return run.bootstrap_servers


def monitor(settings: Settings) -> str:
    """Return the monitor to ask, host:port: a known one, else the default port's."""
    port = monitor_port(settings) or DEFAULT_PORTS["monitor"]
    return ready.address(settings.host, port)


def monitor_port(settings: Settings) -> int | None:
    """Return the monitor's port that is set, else the running stack's; None without.

    Raises:
        ConfigurationError: The run file is not one of ours.
    """
    run = read(settings.data_dir)
    if settings.monitor_port is None and run is not None:
        return run.ports.monitor
    return settings.monitor_port


def _is_alive(run: RunFile) -> bool:
    """Tell whether `up` runs: its id may belong to another process by now."""
    try:
        process = psutil.Process(run.pids.up)
        started = process.create_time()
        ended = process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    return not ended and abs(started - run.up_started) < _SAME_START_SECONDS
