"""What a worker does before it joins its group: it sees that the archive is whole."""

import logging
import time
from datetime import UTC, datetime
from functools import partial

from streams.archive import remembered, site, trial
from streams.archive.presence import ArchiveBusyError, Presence
from streams.archive.repair import NotInTopicError, Repair, UnrepairableError
from streams.archive.table import CommitFailedOrUnknownError, CommitRefusedError
from streams.settings import ConfigurationError, Settings
from streams.topics import Log
from streams.worker import accepting, single_records

logger = logging.getLogger(__name__)

# Beside working others a file may be rewritten while it is looked at.
_LOOKS = 3
_LOOK_SECONDS = 1.0


def prepare(
    settings: Settings, bootstrap_servers: str, log: Log, *, accept_log_loss: bool
) -> Presence:
    """Make the archive ready to be gone on with.

    Args:
        settings: All settings.
        bootstrap_servers: Kafka, host:port[,host:port].
        log: The log of topic callbacks.
        accept_log_loss: Go on with a log that has lost archived records, and without
            what Kafka no longer has.

    Returns:
        The lock on the archive, to be held while it is used.

    Raises:
        ConfigurationError: It cannot be gone on with; what to do.
    """
    where = site.of(settings)
    presence = _presence(settings)
    try:
        if where.store is None:
            _see_that_it_is_whole(
                settings, bootstrap_servers, log, presence, accept_loss=accept_log_loss
            )
        else:
            # A store keeps what it has answered: there is nothing to be repaired.
            trial.require_refusals(where)
            presence.share()
        if accept_log_loss:
            _accept(settings, bootstrap_servers, log)
        for ended in remembered.remove_ended(
            settings.data_dir, log.log_id, time.time()
        ):
            logger.info("Removed what was remembered of log %s: it has ended.", ended)
    except BaseException:
        presence.leave()
        raise
    return presence


def _presence(settings: Settings) -> Presence:
    try:
        return Presence(settings.data_dir)
    except OSError as error:
        raise ConfigurationError(
            f"The archive in {settings.data_dir} cannot be written: {error}"
        ) from error


def _see_that_it_is_whole(
    settings: Settings,
    bootstrap_servers: str,
    log: Log,
    presence: Presence,
    *,
    accept_loss: bool,
) -> None:
    """Repair the archive where nobody else uses it, else look at it."""
    try:
        is_alone = presence.alone()
        if is_alone:
            _repair(settings, bootstrap_servers, log, accept_loss=accept_loss)
        presence.share()
        if not is_alone:
            _require_whole(settings)
    except ArchiveBusyError as error:
        raise ConfigurationError(
            f"Another worker has been repairing the archive in {settings.data_dir} for "
            f"more than a minute: wait for it."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"The archive in {settings.data_dir} cannot be read: {error}"
        ) from error


def _repair(
    settings: Settings, bootstrap_servers: str, log: Log, *, accept_loss: bool
) -> None:
    repair = Repair(settings.data_dir, datetime.now(UTC))
    if not repair.is_needed():
        return
    bounds = accepting.bounds_of(bootstrap_servers)
    begins = {partition: bound.begin for partition, bound in bounds.items()}
    try:
        repair.repair(log.log_id, begins, accept_loss=accept_loss)
    except UnrepairableError as error:
        raise ConfigurationError(f"{error}.") from error
    except NotInTopicError as error:
        raise ConfigurationError(
            f"{error}: restore the archive from a backup, or go on without it by "
            f"`undelivered work --accept-log-loss`."
        ) from error
    for sentence in repair.done:
        logger.warning("Repaired: %s.", sentence)


def _require_whole(settings: Settings) -> None:
    repair = Repair(settings.data_dir, datetime.now(UTC))
    for left in reversed(range(_LOOKS)):
        damage = repair.damage()
        if damage is None:
            return
        if left:
            time.sleep(_LOOK_SECONDS)
    raise ConfigurationError(
        f"{damage}, and other workers use the archive: stop them all, then start one; "
        f"it repairs what can be."
    )


def _accept(settings: Settings, bootstrap_servers: str, log: Log) -> None:
    connect = partial(single_records.reading, bootstrap_servers)
    bounds = accepting.bounds_of(bootstrap_servers)
    where = site.of(settings)
    try:
        accepting.accept_log_loss(where, log, bounds, connect)
    except CommitRefusedError as error:
        raise ConfigurationError(
            f"Other workers go on committing to {where} ({error}): stop "
            f"them, then accept the loss."
        ) from error
    except CommitFailedOrUnknownError as error:
        raise ConfigurationError(
            f"The archive in {where} cannot be read or written: {error}"
        ) from error
