"""Start the monitor, and end it."""

import asyncio
import logging
import signal
import sys
from typing import Any

from streams import topics
from streams.archive import site
from streams.core.live import SILENCE_MS
from streams.lean import do_without_pandas
from streams.monitor import api
from streams.monitor.answering import Answering
from streams.monitor.app import MonitorApp, create_app, current_log
from streams.monitor.counts_table import CountsTable, TableUnreadableError
from streams.monitor.live import Limits, Live
from streams.monitor.server import Server, listen
from streams.monitor.streaming import Channels
from streams.settings import ConfigurationError, Settings

logger = logging.getLogger(__name__)

_STOP_SECONDS = 8.0


def run(settings: Settings, bootstrap_servers: str, port: int) -> int:
    """Follow the counts and answer questions until SIGTERM or SIGINT.

    Args:
        settings: All settings.
        bootstrap_servers: Kafka, host:port[,host:port].
        port: Port of the API and of /livez, /readyz and /metrics.

    Returns:
        Exit code: 0 after a signal, 1 when the monitor cannot go on.

    Raises:
        ConfigurationError: The port cannot be had, or no Kafka answers.
    """
    do_without_pandas()
    _configure_logging(debug=settings.debug)
    # Faust makes a folder in it, and the first worker may come later.
    site.make_data_dir(settings)
    return asyncio.run(_monitor(settings, bootstrap_servers, port))


def _configure_logging(*, debug: bool) -> None:
    """Log our own lines; Faust's and aiokafka's only with --debug."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("streams").setLevel(logging.DEBUG if debug else logging.INFO)
    for library in ("aiokafka", "faust", "kafka", "mode", "asyncio", "uvicorn"):
        logging.getLogger(library).setLevel(
            logging.DEBUG if debug else logging.CRITICAL
        )
    # Faust logs under the names of our classes, too.
    for part in ("app", "transport"):
        logging.getLogger(f"streams.monitor.{part}").setLevel(
            logging.DEBUG if debug else logging.ERROR
        )


async def _monitor(settings: Settings, bootstrap_servers: str, port: int) -> int:
    signalled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signalled.set)
    log = await asyncio.to_thread(current_log, site.of(settings), bootstrap_servers)
    limits = Limits(settings.monitor_hours, settings.monitor_cells)
    live = Live(CountsTable(site.of(settings)), log, limits)
    answering = Answering(live, settings.monitor_rows)
    channels = Channels(answering, lambda: api.now(live), settings.monitor_clients)
    door = api.Door(api.create_api(live, answering, channels), live, settings.host)
    server = Server(door, settings.monitor_clients)
    with listen(settings.host, port) as listener:
        host, port = listener.getsockname()[:2]
        sys.stdout.write(f"Monitor answers at http://{host}:{port}/api/rates\n")
        sys.stdout.flush()
        tasks: dict[str, asyncio.Future[Any]] = {
            "api": asyncio.ensure_future(server.serve(sockets=[listener])),
            "stream": asyncio.ensure_future(channels.run()),
            "signal": asyncio.ensure_future(signalled.wait()),
        }
        app: MonitorApp | None = None
        try:
            await _load(live, bootstrap_servers)
            app = create_app(settings, bootstrap_servers, live)
            tasks["counts"] = asyncio.ensure_future(_follow(app))
            done, _ = await asyncio.wait(
                tasks.values(), return_when=asyncio.FIRST_COMPLETED
            )
        except TableUnreadableError as error:
            raise ConfigurationError(f"{error}.") from error
        finally:
            await _stop(app, server, channels, tasks)
    for name, task in tasks.items():
        if task in done and not task.cancelled() and (cause := task.exception()):
            logger.error("The monitor ends, since its task %s did: %r", name, cause)
    return 0 if tasks["signal"] in done else 1


async def _load(live: Live, bootstrap_servers: str) -> None:
    tails = await asyncio.to_thread(
        topics.tails, bootstrap_servers, topics.WINDOW_COUNTS, SILENCE_MS
    )
    newest = [tail.newest_ms for tail in tails.values() if tail.newest_ms is not None]
    await live.load(max(newest, default=None))


async def _follow(app: MonitorApp) -> None:
    await app.start()
    await app.wait_until_stopped()


async def _stop(
    app: MonitorApp | None,
    server: Server,
    channels: Channels,
    tasks: dict[str, asyncio.Future[Any]],
) -> None:
    channels.is_ending.set()
    server.should_exit = True
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await tasks["api"]
            if app is not None:
                await app.stop()
    except TimeoutError:
        logger.warning("Not all ended in time; nothing that matters was held.")
    for task in tasks.values():
        task.cancel()
