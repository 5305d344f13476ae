"""Which files of table callbacks a report has to read, by the log's statistics.

The transaction log keeps the least and greatest value of each column of a file. What a
report is asked of a period can only be in files that have times of it, so nothing is
left out and no lateness is assumed: an import of an old year is found too.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

    from streams.warehouse.snapshot import TableSnapshot

# The statistics cut times to milliseconds.
_PRECISION = timedelta(milliseconds=1)
_RECEIVED, _SENT = "received_at", "message_time"
_NOT_SENT = f"null_count.{_SENT}"
# What decides whether a row is of a period; a row where the first is null is placed by
# the next.
_DECIDED_BY = {
    "event time": ("event_time", _RECEIVED),
    "send time": (_SENT, "event_time", _RECEIVED),
    "received at": (_RECEIVED,),
}
_File = dict[str, Any]


class Reach(NamedTuple):
    """Half-open period of what is read, by a time of ``_DECIDED_BY``."""

    time: str
    since: datetime
    until: datetime

    def may_hold(self, file: _File) -> bool:
        """Tell whether a file may have a row of the period.

        An event whose time is null or ahead is placed by when it was received, so each
        of the columns may decide.
        """
        return any(self._overlaps(file, name) for name in _DECIDED_BY[self.time])

    def _overlaps(self, file: _File, name: str) -> bool:
        if self.time == "send time" and name != _SENT and not file.get(_NOT_SENT, 1):
            return False
        least: datetime | None = file.get(f"min.{name}")
        greatest: datetime | None = file.get(f"max.{name}")
        if least is None or greatest is None:
            # No statistics, or nothing but nulls, which another column places.
            records = file.get("num_records")
            return records is None or file.get(f"null_count.{name}") != records
        return not (least >= self.until or greatest + _PRECISION < self.since)


def narrow(
    connection: "duckdb.DuckDBPyConnection", callbacks: "TableSnapshot", reach: Reach
) -> None:
    """Let the views of a connection read no files but those that a report needs.

    Args:
        connection: Made over the same snapshot; its views show less from here on.
        callbacks: Table callbacks of the snapshot.
        reach: The period that is read.
    """
    files = list(_relevant(callbacks, reach))
    if files:
        connection.execute("set variable callbacks_files = $files", {"files": files})


def _relevant(callbacks: "TableSnapshot", reach: Reach) -> Iterator[str]:
    """Yield the files; one where none is relevant, since DuckDB reads no empty list."""
    if callbacks.table is None or callbacks.place is None:
        return
    actions = pa.table(callbacks.table.get_add_actions(flatten=True)).to_pylist()
    files = [file for file in actions if reach.may_hold(file)]
    smallest = sorted(actions, key=lambda file: file["size_bytes"])[:1]
    for file in files or smallest:
        yield callbacks.place.opened_as(unquote(file["path"]))


def received_until(callbacks: "TableSnapshot") -> datetime | None:
    """Return when the newest callback was received; None without any."""
    if callbacks.table is None:
        return None
    actions = pa.table(callbacks.table.get_add_actions(flatten=True))
    if f"max.{_RECEIVED}" not in actions.column_names:
        return None
    times = [time for time in actions[f"max.{_RECEIVED}"].to_pylist() if time]
    return max(times, default=None)
