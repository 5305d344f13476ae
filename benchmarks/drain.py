"""Run a program that reads the topic, and measure it from ``ready`` to ``done``."""

import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

_MIB = 1 << 20
_DEADLINE_SECONDS = 1_800.0


class DrainError(Exception):
    """A program ended before it had everything; in its last words."""


@dataclass(frozen=True, slots=True)
class Drain:
    """What one run took.

    Attributes:
        callbacks: How many were drained.
        seconds: Wall time.
        cpu_seconds: CPU time of the process, user and system.
        peak_mib: Largest resident memory, MiB; 0 when it was not measured.
        bytes_each: Bytes on disk for each callback; 0 when nothing is kept.
        start_cpu_seconds: CPU time before it was ready to read; in no other figure.
    """

    callbacks: int
    seconds: float
    cpu_seconds: float
    peak_mib: float = 0.0
    bytes_each: float = 0.0
    start_cpu_seconds: float = 0.0


def drain(
    command: Sequence[str | Path],
    callbacks: int,
    environment: Mapping[str, str] | None = None,
) -> Drain:
    """Run a program until it has so many callbacks, see ``benchmarks.reader``.

    Args:
        command: The program and its arguments.
        callbacks: How many it will have read.
        environment: Its variables, those of this process by default.

    Raises:
        DrainError: It ended, or the deadline came, before it had them all.
    """
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            text=True,
        ) as process,
    ):
        deadline = threading.Timer(_DEADLINE_SECONDS, process.kill)
        deadline.start()
        try:
            return _measured(process, callbacks)
        except EOFError:
            process.kill()
            raise DrainError(_last_words(errors)) from None
        finally:
            deadline.cancel()


def _measured(process: "subprocess.Popen[str]", callbacks: int) -> Drain:
    tree = psutil.Process(process.pid)
    _hear(process, "ready")
    start, began = cpu_seconds(tree), time.monotonic()
    _hear(process, "done")
    seconds, cpu = time.monotonic() - began, cpu_seconds(tree) - start
    peak = peak_mib(tree)
    process.communicate("\n")
    if process.returncode != 0:
        raise EOFError
    return Drain(callbacks, seconds, cpu, peak, start_cpu_seconds=start)


def _hear(process: "subprocess.Popen[str]", word: str) -> None:
    lines: IO[str] | None = process.stdout
    for line in lines or ():
        if line.strip() == word:
            return
    raise EOFError(word)


def _last_words(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it ended without a word"


def cpu_seconds(process: psutil.Process) -> float:
    """Return what a process and its children took, user and system."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        times = each.cpu_times()
        total += times.user + times.system
        total += times.children_user + times.children_system
    return total


def peak_mib(process: psutil.Process) -> float:
    """Return the largest resident memory of a process and its children, MiB."""
    every = (process, *process.children(recursive=True))
    return sum(_peak_bytes(each.pid) for each in every) / _MIB


def _peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    line = next(x for x in status.splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
