"""The Faust application: its settings, its agent, its tasks."""

import asyncio
import logging
from collections.abc import AsyncIterable, Iterable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, cast

import faust
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faust.exceptions import ConsumerNotStarted

from streams import reference, telemetry, topics
from streams.archive import site
from streams.core.outcomes import Outcomes
from streams.core.senders import SenderTypes
from streams.settings import Settings
from streams.topics import Log
from streams.worker import accepting, agents, single_records
from streams.worker.chunk import Fetch
from streams.worker.holding import Holding, Limits
from streams.worker.loading import Kafka
from streams.worker.partition import Rules
from streams.worker.posting import Poster
from streams.worker.publishing import Publishing
from streams.worker.resuming import Resuming
from streams.worker.takeover import Bounds
from streams.worker.transport import ChunkConsumer, ChunkTransport, NoTables
from streams.worker.watching import Watch

logger = logging.getLogger(__name__)

# A worker that died is missed for a session, and the others hear of it at their next
# heartbeat: within 9 s. The consumer's thread, which sends them, has never been seen to
# wait for the others for more than parts of a second.
SESSION_TIMEOUT_SECONDS = 8.0
HEARTBEAT_SECONDS = 1.0
REBALANCE_TIMEOUT_SECONDS = 20.0
# Whatever all partitions together have fetched is taken in at once: so many records
# at most, so many bytes of each partition.
MOST_RECORDS_A_FETCH = 20_000
FETCH_BYTES = 1 << 20
FETCHES_WAITING = 1
OFFSET_COMMIT_SECONDS = 5.0
RECONCILE_SECONDS = 3.0
SAME_LOG_SECONDS = 20.0


class WorkerApp(faust.App):
    """Faust with the chunked transport; holds what the worker knows."""

    holding: Holding
    watch: Watch
    resuming: Resuming
    publishing: Publishing

    def _new_transport(self) -> Any:  # noqa: ANN401 - Faust's signature
        return ChunkTransport(self.conf.broker_consumer, self)

    @property
    def chunk_consumer(self) -> ChunkConsumer:
        """Return the consumer under its own type."""
        return cast("ChunkConsumer", self.consumer)


def create_app(settings: Settings, bootstrap_servers: str) -> WorkerApp:
    """Make the application; nothing is connected yet.

    Faust's acks, tables, windows and transactions are not used for anything that must
    be right: positions live in the two tables (docs/ARCHITECTURE.md).
    """
    return WorkerApp(
        settings.worker_group,
        broker=[f"kafka://{server}" for server in bootstrap_servers.split(",")],
        datadir=settings.data_dir / "faust",
        consumer_group_instance_id=settings.member_id,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=FETCH_BYTES,
        broker_max_poll_records=MOST_RECORDS_A_FETCH,
        broker_session_timeout=SESSION_TIMEOUT_SECONDS,
        broker_heartbeat_interval=HEARTBEAT_SECONDS,
        broker_rebalance_timeout=REBALANCE_TIMEOUT_SECONDS,
        broker_commit_interval=60.0,
        stream_buffer_maxsize=FETCHES_WAITING,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        TableManager=NoTables,
        store="memory://",
        value_serializer="raw",
        key_serializer="raw",
        web_enabled=False,
        autodiscover=False,
    )


def create_holding(
    app: WorkerApp, settings: Settings, bootstrap_servers: str
) -> Holding:
    """Wire the holding to Kafka and to the reference tables."""

    # Faust makes the consumer when it starts: it is asked for at each call.
    async def bounds(partitions: Iterable[int]) -> dict[int, Bounds]:
        # Not by Faust's consumer: its answers wait behind its fetches.
        found = await asyncio.to_thread(accepting.bounds_of, bootstrap_servers)
        return {number: found[number] for number in partitions}

    async def seek(positions: dict[int, int]) -> None:
        await app.chunk_consumer.seek_all(positions)

    kafka = Kafka(
        log=partial(topics.current_log, bootstrap_servers),
        bounds=bounds,
        seek=seek,
        records=partial(single_records.reading, bootstrap_servers),
    )
    rules = Rules(
        outcomes=Outcomes.from_rows(reference.table("outcomes")),
        sender_types=SenderTypes.from_rows(reference.table("sender_types")),
        keep_text=settings.keep_text,
    )
    limits = Limits(settings.flush_rows, settings.counts_cells, settings.waiting_bytes)
    return Holding(site.of(settings), kafka, rules, limits)


def create_publishing(app: WorkerApp, bootstrap_servers: str) -> Publishing:
    """Wire publishing to the holding and to Kafka."""
    return Publishing(
        poster=Poster(bootstrap_servers),
        held=lambda: app.holding.partitions,
        want_counts=app.holding.want_counts,
        condition=app.holding.condition,
    )


def add_agents(app: WorkerApp, settings: Settings, log: Log) -> None:
    """Declare the agent and the tasks."""
    _add_publishing(app)
    callbacks = app.topic(topics.CALLBACKS, value_serializer="raw", acks=False)

    @app.agent(callbacks, name="archive_and_count")
    async def archive_and_count(fetches: AsyncIterable[Fetch]) -> None:
        """Archive each callback and count it in its window."""
        async for fetch in fetches:
            await app.resuming.look(fetch.chunks)
            await app.holding.take_in(*fetch.chunks)

    agents.declare(app, callbacks)

    @app.task  # type: ignore[untyped-decorator]
    async def flush() -> None:
        """Commit the two tables in time."""
        await app.holding.flush_for_ever(
            settings.flush_seconds, settings.counts_seconds
        )

    @app.timer(interval=RECONCILE_SECONDS)  # type: ignore[untyped-decorator]
    async def keep_what_is_assigned() -> None:
        """Hold what is assigned, also when Faust gave up half-way."""
        await _keep_what_is_assigned(app)

    @app.timer(interval=SAME_LOG_SECONDS)  # type: ignore[untyped-decorator]
    async def see_that_the_log_is_the_same() -> None:
        """Begin again when the topic was deleted and made again."""
        await app.watch.see_that_the_log_is(log)

    @app.timer(interval=settings.flush_seconds)  # type: ignore[untyped-decorator]
    async def tell_kafka() -> None:
        """Commit offsets to Kafka, for lag tools only, and measure the lag."""
        try:
            async with asyncio.timeout(OFFSET_COMMIT_SECONDS):
                await _tell_kafka(app)
        except (CommitFailedError, IllegalStateError) as error:
            # A rebalance came between; nothing ever starts from these offsets.
            logger.debug("Offsets for lag tools were not committed: %s", error)
        except (KafkaError, TimeoutError) as error:
            app.watch.forget()
            app.holding.condition.cannot("kafka", f"Kafka does not answer: {error!r}")
        else:
            app.holding.condition.can("kafka")


def _add_publishing(app: WorkerApp) -> None:
    @app.task  # type: ignore[untyped-decorator]
    async def publish() -> None:
        """Publish the counts as they change."""
        await app.publishing.publish_for_ever()


async def _keep_what_is_assigned(app: WorkerApp) -> None:
    """Take over what a rebalance in between kept from us; end when out of the group.

    Faust cancels ``perform_seek`` when another rebalance begins or when it takes long.
    """
    error = app.chunk_consumer.group_error()
    if error is not None:
        app.holding.give_up(
            f"This worker left its group ({error!r}): it ends and has to be started "
            f"again."
        )
        return
    with suppress(ConsumerNotStarted):
        assigned = app.chunk_consumer.assigned()
        if not app.rebalancing and assigned != app.holding.numbers:
            await app.holding.assign(assigned)


async def _tell_kafka(app: WorkerApp) -> None:
    positions = app.holding.positions()
    if not positions:
        app.watch.forget()
        return
    consumer = app.chunk_consumer
    ends = await consumer.ends(positions)
    lag = {number: end - positions[number] for number, end in ends.items()}
    for number, records in lag.items():
        telemetry.LAG.labels(str(number)).set(records)
    app.holding.measuring.say(lag, app.holding.problem)
    app.watch.look(ends, monotonic())
    await consumer.commit_for_lag_tools(positions)
