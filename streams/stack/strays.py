"""The processes of a stack are known by a mark in their environment.

The mark is inherited, so it also finds what they started themselves, and it needs no
list of ids that could be out of date.
"""

import contextlib
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil

VARIABLE = "UNDELIVERED_STACK"
_LOOK_AGAIN_SECONDS = 0.1
_LOOKS_WITHOUT_ANY = 3
_GONE_WITHIN_SECONDS = 10.0


def new_mark(data_dir: Path) -> str:
    """Return the mark of one run of a stack on a data folder."""
    return f"{uuid.uuid4().hex}:{data_dir}"


def of_mark(mark: str) -> Iterator[psutil.Process]:
    """Find the processes of one run."""
    return (process for process, found in _marked() if found == mark)


def of_data_dir(data_dir: Path) -> Iterator[psutil.Process]:
    """Find the processes of any run on a data folder."""
    wanted = str(data_dir)
    return (p for p, found in _marked() if found.partition(":")[2] == wanted)


def kill_mark(mark: str) -> None:
    """Kill the processes of one run, those that are just being started too."""
    looks = 0
    while looks < _LOOKS_WITHOUT_ANY:
        looks = 0 if kill(of_mark(mark)) else looks + 1
        time.sleep(_LOOK_AGAIN_SECONDS)


def kill(processes: Iterator[psutil.Process]) -> int:
    """Kill processes and wait until they are gone; return how many there were."""
    killed = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            killed.append(process)
    deadline = time.monotonic() + _GONE_WITHIN_SECONDS
    while any(map(_lives, killed)) and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN_SECONDS / 10)
    return len(killed)


def _lives(process: psutil.Process) -> bool:
    """Tell whether it still holds ports and files; a zombie holds none."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _marked() -> Iterator[tuple[psutil.Process, str]]:
    own = psutil.Process().pid
    for process in psutil.process_iter():
        if process.pid == own:
            continue
        try:
            mark = process.environ().get(VARIABLE)
        except (psutil.Error, OSError):
            continue  # another user's, or gone
        if mark is not None:
            yield process, mark
