"""Waiting until the archive has what the topic has: an earlier import's records too."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kafka.errors import CoordinatorNotAvailableError

from streams import topics
from streams.archive import site
from streams.archive import table as tables
from streams.archive.site import Site
from streams.settings import ConfigurationError, Settings

# A worker that `up` starts again is back well within this time.
NO_WORKER_SECONDS = 15.0
STALLED_SECONDS = 90.0
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Ends:
    """Kafka's offsets of one partition: the first it has, and the next one."""

    begin: int
    end: int


def wait(
    settings: Settings,
    bootstrap_servers: str,
    log: topics.Log,
    progress: Callable[[int], None],
) -> tables.ArchiveTable | None:
    """Return when every record that the topic holds now is archived.

    Args:
        settings: Data folder, and the workers' consumer group.
        bootstrap_servers: host:port[,host:port].
        log: The log of topic callbacks.
        progress: Called with the records that are still missing.

    Returns:
        Table callbacks with a snapshot that has them; None when there is no archive,
        and no record either.

    Raises:
        ConfigurationError: No worker runs, or it does not come on.
    """
    ends = {
        partition: Ends(begin, end)
        for partition, (begin, end) in topics.offsets(bootstrap_servers).items()
    }
    where = site.of(settings)
    table = _table(where)
    missing = _missing(table, log, ends)
    patience = _Patience(settings, bootstrap_servers, missing)
    while missing:
        progress(missing)
        patience.look(missing)
        time.sleep(_LOOK_SECONDS)
        if table is None:
            table = _table(where)
        else:
            table.refresh()
        missing = _missing(table, log, ends)
    return table


def _table(where: Site) -> tables.ArchiveTable | None:
    """Open table callbacks; None while no worker has made it."""
    if not where.table(site.CALLBACKS).exists():
        return None
    return tables.callbacks(where)


def _missing(
    table: tables.ArchiveTable | None, log: topics.Log, ends: Mapping[int, Ends]
) -> int:
    """Return how many records of the topic the table does not have."""
    missing = 0
    life = table.newest_life(log.log_id, log.partitions) if table else log.log_id
    for partition, place in ends.items():
        archived = table.position(life, partition) if table else 0
        # What Kafka has deleted before anybody archived it will never come.
        missing += max(0, place.end - max(archived, place.begin))
    return missing


class _Patience:
    """Gives up when nothing comes on."""

    def __init__(
        self, settings: Settings, bootstrap_servers: str, missing: int
    ) -> None:
        self._settings = settings
        self._bootstrap_servers = bootstrap_servers
        self._missing = missing
        self._since = time.monotonic()
        # A worker may be set to commit less often than this.
        self._stalled_seconds = max(STALLED_SECONDS, 3 * settings.flush_seconds)

    def look(self, missing: int) -> None:
        """Note what is missing now.

        Raises:
            ConfigurationError: The archive has not come on for too long.
        """
        if missing < self._missing:
            self._missing, self._since = missing, time.monotonic()
        waited = time.monotonic() - self._since
        data_dir, where = self._settings.data_dir, site.of(self._settings)
        before = (
            f"{missing:,} records of the topic are not in the archive {where} yet, "
            f"and must be before an import, so that nothing is sent twice"
        )
        if waited > NO_WORKER_SECONDS and not self._has_worker():
            raise ConfigurationError(
                f"{before}; no worker runs: start one with `undelivered work "
                f"--data-dir {data_dir} --bootstrap-servers {self._bootstrap_servers}` "
                f"and import again."
            )
        if waited > self._stalled_seconds:
            raise ConfigurationError(
                f"{before}; the worker has not archived any for {waited:.0f} s: look "
                f"at its log, and whether it has the same --data-dir and "
                f"--archive."
            )

    def _has_worker(self) -> bool:
        group = self._settings.worker_group
        admin = topics.admin_client(self._bootstrap_servers)
        try:
            return bool(admin.describe_groups([group])[group]["members"])
        except CoordinatorNotAvailableError:
            return False  # of a Kafka where no group has ever been
        finally:
            admin.close()
