"""Start a worker, and end it without losing what it holds."""

import asyncio
import logging
import signal
import sys
from contextlib import suppress
from typing import Any

from streams.archive import site
from streams.lean import do_without_pandas
from streams.settings import Settings
from streams.topics import Log
from streams.worker.app import (
    WorkerApp,
    add_agents,
    create_app,
    create_holding,
    create_publishing,
)
from streams.worker.health import HealthServer
from streams.worker.resuming import Resuming
from streams.worker.starting import prepare
from streams.worker.watching import Watch

logger = logging.getLogger(__name__)

# SIGTERM to the end: 10 seconds, some of them for Kafka and Faust.
FLUSH_AT_END_SECONDS = 6.0
STOP_SECONDS = 9.0
SAVE_AT_END_SECONDS = 3.0
_NOT_IN_TIME = "Not all ended in time; what was not committed is still in Kafka."


def run(
    settings: Settings,
    bootstrap_servers: str,
    log: Log,
    port: int,
    *,
    accept_log_loss: bool = False,
) -> int:
    """Work until SIGTERM or SIGINT, then commit both tables.

    Args:
        settings: All settings.
        bootstrap_servers: Kafka, host:port[,host:port].
        log: The log of topic callbacks, as it was checked at start.
        port: Port of /livez, /readyz and /metrics.
        accept_log_loss: Go on with a log that has lost archived records.

    Returns:
        Exit code: 0 after a signal, 1 when the worker cannot go on.

    Raises:
        ConfigurationError: The archive cannot be gone on with.
    """
    do_without_pandas()
    _configure_logging(debug=settings.debug)
    site.make_data_dir(settings)
    presence = prepare(
        settings, bootstrap_servers, log, accept_log_loss=accept_log_loss
    )
    logger.info("Working on log %s, %d partitions.", log.log_id, log.partitions)
    try:
        return asyncio.run(_work(settings, bootstrap_servers, log, port))
    finally:
        presence.leave()


def _configure_logging(*, debug: bool) -> None:
    """Log our own lines; Faust's and aiokafka's only with --debug.

    They repeat each failed attempt with a traceback; the holding says what matters.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("streams").setLevel(logging.DEBUG if debug else logging.INFO)
    for library in ("aiokafka", "concurrent", "faust", "kafka", "mode", "asyncio"):
        logging.getLogger(library).setLevel(
            logging.DEBUG if debug else logging.CRITICAL
        )
    # Faust logs under the names of our classes, too.
    for part in ("app", "transport"):
        logging.getLogger(f"streams.worker.{part}").setLevel(
            logging.DEBUG if debug else logging.ERROR
        )


async def _work(settings: Settings, bootstrap_servers: str, log: Log, port: int) -> int:
    app = create_app(settings, bootstrap_servers)
    app.holding = create_holding(app, settings, bootstrap_servers)
    app.watch = Watch(app.holding)
    app.resuming = Resuming(app.holding)
    app.publishing = create_publishing(app, bootstrap_servers)
    add_agents(app, settings, log)
    app.finalize()
    signalled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signalled.set)
    health = HealthServer(settings.host, port, lambda: app.holding.problem)
    health.start()

    async def hand_over(*_: object, **__: object) -> None:
        try:
            async with asyncio.timeout(FLUSH_AT_END_SECONDS):
                desks = app.publishing.desks()
                await app.holding.close()
                await app.publishing.finish(desks)
        except TimeoutError:
            logger.warning(_NOT_IN_TIME)

    app.on_before_shutdown.connect(hand_over, weak=False)
    try:
        return await _until_the_end(app, signalled)
    finally:
        await _stop(app)
        # Its partitions have other owners by now: nobody waits for it.
        with suppress(TimeoutError):
            async with asyncio.timeout(SAVE_AT_END_SECONDS):
                await app.holding.save()
        await app.publishing.poster.close()
        health.stop()


async def _until_the_end(app: WorkerApp, signalled: asyncio.Event) -> int:
    """Work until a signal, or until the worker cannot go on; return the exit code."""
    waits: dict[asyncio.Future[Any], str] = {
        asyncio.ensure_future(signalled.wait()): "signal",
        app.holding.fatal: "fatal",
        asyncio.ensure_future(_start_and_work(app)): "stopped",
    }
    done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    reasons = {waits[future] for future in done}
    if "fatal" in reasons:
        sys.stderr.write(f"Error: {app.holding.fatal.result()}\n")
        return 1
    return 0 if "signal" in reasons else 1


async def _start_and_work(app: WorkerApp) -> None:
    await app.start()
    await app.wait_until_stopped()


async def _stop(app: WorkerApp) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await app.stop()
    except TimeoutError:
        logger.warning(_NOT_IN_TIME)
