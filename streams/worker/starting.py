"""What a worker does before it joins its group."""

from functools import partial

from streams.archive.table import CommitFailedOrUnknownError, CommitRefusedError
from streams.settings import ConfigurationError, Settings
from streams.topics import Log
from streams.worker import accepting, single_records


def prepare(
    settings: Settings, bootstrap_servers: str, log: Log, *, accept_log_loss: bool
) -> None:
    """Make the archive ready to be gone on with.

    Args:
        settings: All settings.
        bootstrap_servers: Kafka, host:port[,host:port].
        log: The log of topic callbacks.
        accept_log_loss: Go on with a log that has lost archived records.

    Raises:
        ConfigurationError: It cannot be gone on with; what to do.
    """
    if not accept_log_loss:
        return
    connect = partial(single_records.reading, bootstrap_servers)
    bounds = accepting.bounds_of(bootstrap_servers)
    try:
        accepting.accept_log_loss(settings.data_dir, log, bounds, connect)
    except CommitRefusedError as error:
        raise ConfigurationError(
            f"Other workers go on committing to {settings.data_dir} ({error}): stop "
            f"them, then accept the loss."
        ) from error
    except CommitFailedOrUnknownError as error:
        raise ConfigurationError(
            f"The archive in {settings.data_dir} cannot be read or written: {error}"
        ) from error
