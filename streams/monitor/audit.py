"""The audit: what the monitor answers, compared with SQL at the very same positions.

Each answer names the positions below which it has counted. As soon as the archive is as
far, the events below them are counted again by SQL, and both must agree in every cell.
"""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from streams.archive.site import Where
from streams.core.series import DIMENSIONS
from streams.monitor.watch.asking import Answer, Monitor, NoAnswerError
from streams.warehouse import connection, queries, rows, snapshot
from streams.warehouse.check import Finding
from streams.warehouse.snapshot import Snapshot

PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.5
_STEP = timedelta(hours=1)
# An event may be so much ahead of the broker's clock, and a clock of ours behind.
_AHEAD = timedelta(minutes=10)

_RULE = "The monitor's answer equals a recount of the events at its positions."

Cell = tuple[Any, ...]
Positions = Mapping[tuple[str, int], int]


class Audit(NamedTuple):
    """What the audit found.

    Attributes:
        findings: Cells that differ.
        compared: Events that were compared; None when nothing could be.
        words: What was compared, or why nothing was, as one sentence.
    """

    findings: tuple[Finding, ...]
    compared: int | None
    words: str


class _Told(NamedTuple):
    since: datetime
    until: datetime
    cells: dict[Cell, int]
    positions: Positions


def run(
    monitor: Monitor, where: Where, hours: int, patience: float = PATIENCE_SECONDS
) -> Audit:
    """Compare the last hours.

    Args:
        monitor: A running one, of the same archive.
        where: Where the archive lies.
        hours: How many, back from now.
        patience: Seconds that the archive may take to come as far as the monitor is.
    """
    try:
        told = list(_ask(monitor, hours))
    except NoAnswerError as error:
        return Audit((), None, f"The monitor was not compared: {error}")
    taken = _as_far(where, told, patience)
    if taken is None:
        words = f"the archive was not as far as it within {patience:.0f} s"
        return Audit((), None, f"The monitor was not compared: {words}.")
    findings: list[Finding] = []
    with connection.connect_over(taken) as opened:
        for part in told:
            findings += _compare(part, _recounted(opened, part))
    compared = sum(sum(part.cells.values()) for part in told)
    words = f"{compared:,} events of the last {hours} h compared with the monitor."
    return Audit(tuple(findings), compared, words)


def _ask(monitor: Monitor, hours: int) -> Iterator[_Told]:
    """Ask for all cells, an hour at a time."""
    now = datetime.fromisoformat(monitor.rates([("since", "1m")])["until"])
    since, end = now - timedelta(hours=hours), now + _AHEAD
    while since < end:
        until = min(since + _STEP, end)
        yield _told(_cells(monitor, since, until), since, until)
        since = until


def _cells(monitor: Monitor, since: datetime, until: datetime) -> Answer:
    return monitor.rates(
        [
            ("since", since.isoformat()),
            ("until", until.isoformat()),
            ("window", "1m"),
            ("by", ",".join(DIMENSIONS)),
        ]
    )


def _told(answer: Answer, since: datetime, until: datetime) -> _Told:
    cells = {
        (row["window_start"], *(row[name] for name in DIMENSIONS)): row["events"]
        for row in answer["rows"]
    }
    positions = {}
    for name, position in answer["sources"]["positions"].items():
        log_id, _, partition = name.rpartition("/")
        positions[log_id, int(partition)] = position
    return _Told(since, until, cells, positions)


def _as_far(where: Where, told: list[_Told], patience: float) -> Snapshot | None:
    """Return a snapshot of the archive that has all that was told, or None."""
    deadline = time.monotonic() + patience
    while True:
        taken = snapshot.take(where)
        if all(
            taken.callbacks.position(*place) >= position
            for part in told
            for place, position in part.positions.items()
        ):
            return taken
        if time.monotonic() > deadline:
            return None
        time.sleep(_LOOK_SECONDS)


def _recounted(opened: Any, part: _Told) -> dict[Cell, int]:  # noqa: ANN401 - duckdb
    query = queries.shipped_queries()["cells_recounted"]
    places = list(part.positions)
    found = rows.of(
        opened.execute(
            query.sql,
            {
                "since": part.since,
                "until": part.until,
                "log_ids": [log_id for log_id, _ in places],
                "partitions": [partition for _, partition in places],
                "positions": [part.positions[place] for place in places],
            },
        )
    )
    if found is None:
        return {}
    return {(_text(row[0]), *row[1:-1]): row[-1] for row in found.values}


def _text(time_: datetime) -> str:
    return f"{time_.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def _compare(part: _Told, recounted: Mapping[Cell, int]) -> Iterator[Finding]:
    differ = {
        cell
        for cell in part.cells.keys() | recounted.keys()
        if part.cells.get(cell, 0) != recounted.get(cell, 0)
    }
    for cell in sorted(differ, key=_sortable):
        found = dict(zip(("window_start", *DIMENSIONS), cell, strict=True))
        found["events"] = part.cells.get(cell, 0)
        found["recounted_events"] = recounted.get(cell, 0)
        yield Finding(
            "monitor_matches_events", _RULE, msgspec.json.encode(found).decode()
        )


def _sortable(cell: Cell) -> tuple[str, ...]:
    return tuple("" if value is None else str(value) for value in cell)
