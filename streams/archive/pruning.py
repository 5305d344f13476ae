"""The bytes of what could not be read are kept for a shorter time than the rows."""

from datetime import date, timedelta
from typing import NamedTuple

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from streams.archive import site, table
from streams.archive.site import Where


class Pruned(NamedTuple):
    """What was removed: bytes of so many rows, so many files; received before when."""

    before: date
    rows: int
    files: int


def prune_raw(where: Where, today: date, keep_days: int) -> Pruned:
    """Set ``raw`` of old parked rows to null; workers may go on writing.

    Files that hold such rows are written anew in one transaction. The old ones stay on
    the disk for a week, for readers that began before, and are removed by a later call.

    Args:
        where: Where the archive lies; without one nothing is done.
        today: The current date, UTC.
        keep_days: How long bytes are kept, whole days by ``received_date``.

    Raises:
        CommitRefusedError: Another update goes on at the same time.
        CommitFailedOrUnknownError: The table cannot be read or written.
    """
    before = today - timedelta(days=keep_days)
    if not site.at(where).table(site.CALLBACKS).exists():
        return Pruned(before, 0, 0)
    callbacks = table.callbacks(where)
    rows_of = (
        f"received_date < DATE '{before.isoformat()}' "
        f"and problem is not null and raw is not null"
    )
    again = Retrying(
        retry=retry_if_exception_type(table.CommitRefusedError),
        stop=stop_after_attempt(3),
        reraise=True,
    )
    rows = again(callbacks.update, {"raw": "NULL"}, rows_of)
    return Pruned(before, rows, callbacks.remove_old_files())
