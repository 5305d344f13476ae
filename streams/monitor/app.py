"""The monitor's Faust application: its settings, its agent, its tasks."""

import asyncio
import logging
from collections.abc import AsyncIterable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import faust

from streams import telemetry, topics
from streams.archive import site, transactions
from streams.archive.site import Where
from streams.core import lives
from streams.core.live import SILENCE_MS
from streams.monitor.live import Live, Log
from streams.monitor.transport import TailTransport
from streams.settings import ConfigurationError, Settings

logger = logging.getLogger(__name__)

_GROUP = "undelivered-monitor"
_SAME_LOG_SECONDS = 20.0
_TIDY_SECONDS = 10.0
_AGAIN_SECONDS = 1.0


class MonitorApp(faust.App):
    """Faust that begins at the topic's tail; holds what the monitor knows."""

    live: Live
    bootstrap_servers: str

    def _new_transport(self) -> Any:  # noqa: ANN401 - Faust's signature
        return TailTransport(self.conf.broker_consumer, self)

    async def begins(self) -> dict[int, int]:
        """Return where each partition is to be read from."""
        tails = await _until_kafka_answers(self.bootstrap_servers)
        self.live.expect({p: t.end for p, t in tails.items() if t.end > t.begin})
        return {partition: tail.begin for partition, tail in tails.items()}


async def _until_kafka_answers(bootstrap_servers: str) -> dict[int, topics.Tail]:
    while True:
        try:
            return await asyncio.to_thread(
                topics.tails, bootstrap_servers, topics.WINDOW_COUNTS, SILENCE_MS
            )
        except ConfigurationError as error:
            logger.warning("%s", error)
            await asyncio.sleep(_AGAIN_SECONDS)


def create_app(settings: Settings, bootstrap_servers: str, live: Live) -> MonitorApp:
    """Make the application; nothing is connected yet.

    Each process is in a consumer group of its own: all of them read everything.
    """
    app = MonitorApp(
        f"{_GROUP}-{uuid4()}",
        broker=[f"kafka://{server}" for server in bootstrap_servers.split(",")],
        datadir=settings.data_dir / "faust",
        consumer_auto_offset_reset="latest",
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        store="memory://",
        value_serializer="raw",
        key_serializer="raw",
        web_enabled=False,
        autodiscover=False,
    )
    app.live, app.bootstrap_servers = live, bootstrap_servers
    _add_agents(app, site.of(settings))
    app.finalize()
    return app


def _add_agents(app: MonitorApp, where: Where) -> None:
    publications = app.topic(topics.WINDOW_COUNTS, value_serializer="raw", acks=False)

    @app.agent(publications, name="follow_counts")
    async def follow_counts(stream: AsyncIterable[Any]) -> None:
        """Take in what workers publish."""
        async for event in stream.events():  # type: ignore[attr-defined]
            message = event.message
            app.live.take_in(
                message.partition,
                message.offset,
                round(message.timestamp * 1000),
                message.value,
            )

    @app.task  # type: ignore[untyped-decorator]
    async def follow_table() -> None:
        """Read the table again when messages are ahead of it."""
        await app.live.follow_table()

    @app.timer(interval=_SAME_LOG_SECONDS)  # type: ignore[untyped-decorator]
    async def follow_log() -> None:
        """See which life of the topic is the current one."""
        with suppress(ConfigurationError):  # the next time, then
            app.live.follow(
                await asyncio.to_thread(current_log, where, app.bootstrap_servers)
            )

    @app.timer(interval=_TIDY_SECONDS)  # type: ignore[untyped-decorator]
    async def tidy() -> None:
        """Let old hours go, and measure."""
        app.live.forget_old_hours()
        as_of = app.live.as_of_ms()
        behind = -1 if as_of is None else (app.live.signs.now_ms() - as_of) / 1000
        telemetry.BEHIND_SECONDS.set(behind)


def current_log(where: Where, bootstrap_servers: str) -> Log:
    """Return the newest life of topic callbacks, by Kafka and the archive.

    Raises:
        ConfigurationError: Kafka cannot be reached, or the topic does not exist.
    """
    topic = topics.current_log(bootstrap_servers)
    known = lives.of(transactions.read(site.at(where).table(site.CALLBACKS)))
    life = lives.current(known, topic.log_id)
    return Log(topic.log_id if life is None else life.log_id, topic.partitions)
