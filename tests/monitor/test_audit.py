"""The audit: the monitor's answer over HTTP against SQL at the same positions."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from streams.monitor import audit
from streams.monitor.server import Server, listen
from streams.monitor.watch.asking import Monitor as Client
from tests.monitor.world import CLIENTS, HOURS, Monitor, failed
from tests.sql.archive import Archive, at, callback, cell

CODE = {"event_type": "message-failed", "error_code": 4770}


@asynccontextmanager
async def answering(monitor: Monitor) -> AsyncIterator[str]:
    """Serve a monitor on a free port; give its address."""
    server = Server(monitor.door, CLIENTS)
    with listen("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            host, port = listener.getsockname()[:2]
            yield f"{host}:{port}"
        finally:
            server.should_exit = True
            await serving


async def audited(monitor: Monitor, patience: float = 0.0) -> audit.Audit:
    async with answering(monitor) as address:
        with closing(Client(address)) as client:
            return await asyncio.to_thread(
                audit.run, client, monitor.archive.data_dir, HOURS, patience
            )


async def counted(monitor: Monitor, archive: Archive, *, published: int) -> Monitor:
    """Archive four callbacks, count two in the table, publish what is beyond."""
    archive.add_callbacks(
        [
            callback(0),
            callback(1, **CODE),
            callback(2, **CODE, event_time=at("11:00:30")),
            callback(3, is_copy=True),
            callback(4),  # the monitor does not know of it yet
        ]
    )
    archive.add_counts([cell(1, to_position=2), failed(1, to_position=2)])
    await monitor.load()
    late = failed(published, window_start=at("11:00:00"))
    monitor.publish([late], base=2, position=4)
    return monitor


async def test_a_monitor_that_is_right_is_silent(
    monitor: Monitor, archive: Archive
) -> None:
    """Table, messages, a copy, a late event, and what is beyond its positions."""
    found = await audited(await counted(monitor, archive, published=1))

    assert found.findings == ()
    assert found.compared == 3
    assert found.words == "3 events of the last 26 h compared with the monitor."


async def test_a_cell_that_differs_is_named(monitor: Monitor, archive: Archive) -> None:
    """With both counts and every dimension."""
    found = await audited(await counted(monitor, archive, published=2))

    [finding] = found.findings
    cell_ = json.loads(finding.found)
    assert finding.check == "monitor_matches_events"
    assert (cell_["events"], cell_["recounted_events"]) == (2, 1)
    assert (cell_["window_start"], cell_["error_code"]) == (
        "2026-05-04T11:00:00Z",
        4770,
    )


async def test_a_cell_that_the_monitor_lacks_is_named(
    monitor: Monitor, archive: Archive
) -> None:
    """Nothing published of a record below its position is a difference, too."""
    await counted(monitor, archive, published=1)
    monitor.publish([], base=2, position=5)

    [finding] = (await audited(monitor)).findings

    cell_ = json.loads(finding.found)
    assert (cell_["events"], cell_["recounted_events"]) == (1, 2)
    assert cell_["outcome"] == "delivered"


async def test_an_archive_that_stays_behind_is_not_compared(
    monitor: Monitor, archive: Archive
) -> None:
    """It cannot be, and that is said."""
    await counted(monitor, archive, published=1)
    monitor.publish([], base=2, position=6)

    found = await audited(monitor)

    assert found.compared is None
    assert found.words == (
        "The monitor was not compared: the archive was not as far as it within 0 s."
    )


def test_without_a_monitor_nothing_is_compared(tmp_path: Path) -> None:
    """One sentence says why."""
    with closing(Client("127.0.0.1:1")) as client:
        found = audit.run(client, tmp_path, HOURS)

    assert found.compared is None
    assert found.words.startswith(
        "The monitor was not compared: No monitor answers at 127.0.0.1:1 ("
    )
