"""Going on with a log that has lost records which are archived; only when asked to."""

import logging
from collections.abc import Mapping

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from streams import topics
from streams.archive import table as tables
from streams.archive.site import Where
from streams.archive.table import CommitRefusedError
from streams.core.lives import Life
from streams.topics import Log
from streams.worker import entering, same_log
from streams.worker.commits import Tables
from streams.worker.same_log import Connect
from streams.worker.takeover import Bounds

logger = logging.getLogger(__name__)

_TRIES = 5


def bounds_of(bootstrap_servers: str) -> dict[int, Bounds]:
    """Return the first and the next offset of every partition of topic callbacks.

    Raises:
        ConfigurationError: Kafka cannot be reached, or the topic does not exist.
    """
    offsets = topics.offsets(bootstrap_servers)
    return {number: Bounds(begin, end) for number, (begin, end) in offsets.items()}


def accept_log_loss(
    where: Where, log: Log, bounds: Mapping[int, Bounds], connect: Connect
) -> str:
    """Begin a new life of the log if it has lost records; return the life's id.

    Args:
        where: Where the archive lies.
        log: The log that Kafka has now.
        bounds: Kafka's offsets of every partition of the topic.
        connect: Connects to read Kafka's records.

    Raises:
        CommitRefusedError: Workers go on committing to the life that ends.
        CommitFailedOrUnknownError: The archive cannot be read or written.
        ConfigurationError: Kafka does not answer.
    """
    both = (tables.callbacks(where), tables.window_counts(where))
    again = Retrying(
        retry=retry_if_exception_type(CommitRefusedError),
        stop=stop_after_attempt(_TRIES),
        reraise=True,
    )
    return str(again(_accept, both, log, bounds, connect))


def _accept(
    both: Tables, log: Log, bounds: Mapping[int, Bounds], connect: Connect
) -> str:
    life, _ = entering.enter(both[0], log)
    with connect() as records:
        begins = same_log.first_differences(both[0], life, bounds, records)
    if all(begin == life.position(p) for p, begin in begins.items()):
        logger.info("Kafka's log is the archived one: nothing is lost in it.")
        return life.log_id
    both[1].refresh()
    log_id = entering.begin_after_loss(both, life, log, begins)
    _say(life, log_id, begins)
    return log_id


def _say(old: Life, log_id: str, begins: Mapping[int, int]) -> None:
    for partition, begin in sorted(begins.items()):
        if begin < old.position(partition):
            logger.warning(
                "Partition %d: Kafka no longer has the archived records from offset %d "
                "to %d. They stay in the archive as log %s; log %s begins at %d.",
                partition,
                begin,
                old.position(partition) - 1,
                old.log_id,
                log_id,
                begin,
            )
