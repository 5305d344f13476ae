"""What the doctor looks at, gathered once: the stack, Kafka, the archive."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from streams import topics
from streams.archive import site
from streams.settings import ConfigurationError, Settings
from streams.stack import run_file
from streams.stack.run_file import RunFile
from streams.warehouse import snapshot

if TYPE_CHECKING:
    from kafka.admin import KafkaAdminClient

    from streams.warehouse.snapshot import Snapshot

# What is older than this has had time enough to be archived: a commit is made every
# five seconds.
DUE_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Offsets:
    """Offsets of topic callbacks, by partition.

    Attributes:
        begin: The first that Kafka still has.
        end: That of the next record.
        due: The first of a record that is too young to have to be archived.
    """

    begin: Mapping[int, int]
    end: Mapping[int, int]
    due: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """A Kafka that answers.

    Attributes:
        cluster_id: Its cluster's id.
        brokers: How many brokers it has.
        version: What its first broker speaks, at least.
        log: The log of topic callbacks; None when the topics are not right.
        topics_problem: What is wrong with the topics; None if nothing is.
        offsets: Its offsets; None without a log.
        newest_at: Kafka's time of the newest record; None when it has none.
    """

    cluster_id: str
    brokers: int
    version: tuple[int, ...]
    log: topics.Log | None = None
    topics_problem: str | None = None
    offsets: Offsets | None = None
    newest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was gathered; a problem says why something could not be.

    Attributes:
        settings: The settings of this command.
        run: The running stack; None when there is none.
        run_problem: Why run.json cannot be read.
        servers: Kafka's address, host:port[,host:port]; None when none is known.
        kafka: Kafka; None when it does not answer.
        kafka_problem: Why it does not.
        archive: One snapshot of both tables; None when one cannot be opened.
        archive_problem: Why it cannot.
        now: This machine's clock, taken after Kafka's answers.
    """

    settings: Settings
    run: RunFile | None = None
    run_problem: str | None = None
    servers: str | None = None
    kafka: KafkaFacts | None = None
    kafka_problem: str | None = None
    archive: "Snapshot | None" = None
    archive_problem: str | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


def gather(settings: Settings) -> Facts:
    """Look at everything once; what fails is a fact."""
    # Its warnings repeat what the findings say.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    run = run_problem = archive = archive_problem = kafka = kafka_problem = None
    try:
        run = run_file.read(settings.data_dir)
    except ConfigurationError as error:
        run_problem = str(error)
    servers = settings.bootstrap_servers or (run.bootstrap_servers if run else None)
    try:
        # Before Kafka's offsets: what is archived meanwhile cannot be beyond them.
        archive = snapshot.take(site.of(settings))
    except ConfigurationError as error:
        archive_problem = str(error)
    if servers is not None:
        try:
            kafka = _ask(servers, settings)
        except ConfigurationError as error:
            kafka_problem = str(error)
    return Facts(
        settings=settings,
        run=run,
        run_problem=run_problem,
        servers=servers,
        kafka=kafka,
        kafka_problem=kafka_problem,
        archive=archive,
        archive_problem=archive_problem,
    )


def _ask(servers: str, settings: Settings) -> KafkaFacts:
    from kafka.errors import KafkaError  # noqa: PLC0415 - slow import

    admin = topics.admin_client(servers)
    try:
        return _facts(admin, servers, settings)
    except KafkaError as error:
        raise ConfigurationError(
            f"Kafka at {servers} answers with {type(error).__name__}: look into its "
            f"log."
        ) from error
    finally:
        admin.close()


def _facts(admin: "KafkaAdminClient", servers: str, settings: Settings) -> KafkaFacts:
    cluster = admin.describe_cluster()
    brokers = cluster["brokers"]
    version = admin.get_broker_version_data(brokers[0]["broker_id"]).broker_version
    facts = KafkaFacts(str(cluster["cluster_id"]), len(brokers), tuple(version))
    # The default of a setting is how topics are made, not how they have to be.
    asked = "partitions" in settings.model_fields_set
    try:
        log = topics.check_topics(servers, settings.partitions if asked else 1)
    except ConfigurationError as error:
        return KafkaFacts(
            facts.cluster_id, facts.brokers, facts.version, topics_problem=str(error)
        )
    offsets, newest_at = _offsets(admin, log)
    return KafkaFacts(
        facts.cluster_id,
        facts.brokers,
        facts.version,
        log=log,
        offsets=offsets,
        newest_at=newest_at,
    )


def _offsets(
    admin: "KafkaAdminClient", log: topics.Log
) -> tuple[Offsets, datetime | None]:
    from kafka import TopicPartition  # noqa: PLC0415
    from kafka.admin import OffsetSpec  # noqa: PLC0415

    places = [TopicPartition(topics.CALLBACKS, n) for n in range(log.partitions)]
    due_ms = int((time.time() - DUE_AFTER.total_seconds()) * 1000)
    asked = (OffsetSpec.EARLIEST, due_ms, OffsetSpec.MAX_TIMESTAMP, OffsetSpec.LATEST)
    begin, due, newest, end = (
        admin.list_partition_offsets(dict.fromkeys(places, what)) for what in asked
    )
    ends = {tp.partition: int(found.offset) for tp, found in end.items()}
    offsets = Offsets(
        begin={tp.partition: int(found.offset) for tp, found in begin.items()},
        end=ends,
        # Kafka has no offset to give where no record is as young.
        due={
            tp.partition: int(found.offset) if found.offset >= 0 else ends[tp.partition]
            for tp, found in due.items()
        },
    )
    newest_ms = max((found.timestamp for found in newest.values()), default=-1)
    newest_at = datetime.fromtimestamp(newest_ms / 1000, UTC) if newest_ms > 0 else None
    return offsets, newest_at
