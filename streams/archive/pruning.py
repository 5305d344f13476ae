"""The bytes of what could not be read are kept for a shorter time than the rows."""

from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from streams.archive import schema, table


class Pruned(NamedTuple):
    """What was removed: bytes of so many rows, so many files; received before when."""

    before: date
    rows: int
    files: int


def prune_raw(data_dir: Path, today: date, keep_days: int) -> Pruned:
    """Set ``raw`` of old parked rows to null; workers may go on writing.

    Files that hold such rows are written anew in one transaction. The old ones stay on
    the disk for a week, for readers that began before, and are removed by a later call.

    Args:
        data_dir: The data folder; without an archive in it nothing is done.
        today: The current date, UTC.
        keep_days: How long bytes are kept, whole days by ``received_date``.

    Raises:
        CommitRefusedError: Another update goes on at the same time.
        CommitFailedOrUnknownError: The table cannot be read or written.
    """
    before = today - timedelta(days=keep_days)
    if not (schema.callbacks_path(data_dir) / "_delta_log").is_dir():
        return Pruned(before, 0, 0)
    callbacks = table.callbacks(data_dir)
    where = (
        f"received_date < DATE '{before.isoformat()}' "
        f"and problem is not null and raw is not null"
    )
    again = Retrying(
        retry=retry_if_exception_type(table.CommitRefusedError),
        stop=stop_after_attempt(3),
        reraise=True,
    )
    rows = again(callbacks.update, {"raw": "NULL"}, where)
    return Pruned(before, rows, callbacks.remove_old_files())
