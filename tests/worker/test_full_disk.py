"""A disk that is full: it is said, and nothing is lost."""

import asyncio
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.worker import logs
from tests.worker.logs import chunk
from tests.worker.test_holding import Broker, archived, gained, records, until

Full = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 3 MiB where one may be mounted, else on any."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = (
        shutil.which("mount") is not None
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)],  # noqa: S607
            capture_output=True,
            check=False,
        ).returncode
    )
    try:
        yield disk
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(disk)], check=True)  # noqa: S607


def fill(path: Path) -> None:
    """Write until there is no room."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4_096)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Let nothing more be written: fill the disk, or allow no file any length."""
    if disk.is_mount():
        filling = disk / "filling"
        with pytest.raises(OSError, match="28"):
            fill(filling)
        yield
        filling.unlink()
        return
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_full_disk_loses_nothing(data_dir: Path) -> None:
    """Taking in and counting go on, and all is archived once when there is room."""
    broker = Broker(end=4_000)
    holding = broker.holding(data_dir, flush_rows=500)
    await holding.assign([0])
    flushing = asyncio.create_task(holding.flush_for_ever(0.05, 0.05))
    await holding.take_in(chunk(records(0, 500)))
    await until(lambda: holding.positions() == {0: 500})

    with full(data_dir):
        for begin in range(500, 4_000, 500):
            await holding.take_in(chunk(records(begin, begin + 500)))
        await until(lambda: str(holding.problem).startswith("cannot write the archive"))
        assert holding.taken_in() == {0: 4_000}
        counted = [sum(cells["events"].to_pylist()) for cells in gained(holding)]
    await until(lambda: holding.positions() == {0: 4_000} and holding.problem is None)
    flushing.cancel()
    await holding.close()
    await holding.save()
    successor = broker.holding(data_dir)
    await successor.assign([0])
    await successor.close()

    assert sum(counted) >= 3_500
    assert broker.seeks == [{0: 0}, {0: 4_000}]
    assert archived(data_dir) == list(range(4_000))
    assert sum(r["events"] for r in logs.rows(data_dir, "window_counts")) == 4_000
