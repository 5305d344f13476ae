"""The callbacks that could not be read: by reason, and one by one."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.problems import reason_of
from streams.settings import ConfigurationError
from streams.warehouse import queries, rows
from streams.warehouse.output.values import printable
from streams.warehouse.period import EVERYTHING

if TYPE_CHECKING:
    import duckdb

    from streams.warehouse.period import Period

# Bodies of a mebibyte: so many of them are held at once.
_AT_A_TIME = 50
_PLACE = re.compile(
    r"(?P<log_id>[^/]+)/(?P<partition>[0-9]{1,9})"
    r"/(?P<offset>[0-9]{1,18})/(?P<index>[0-9]{1,9})",
    re.ASCII,
)
_COLUMNS = {
    "reason": "VARCHAR",
    "source": "VARCHAR",
    "callbacks": "BIGINT",
    "first_received_at": "TIMESTAMP WITH TIME ZONE",
    "last_received_at": "TIMESTAMP WITH TIME ZONE",
    "place": "VARCHAR",
}


class DeadLetter(NamedTuple):
    """A callback that could not be read, and where it came from."""

    place: str
    source: str | None
    received_at: datetime
    origin: str | None
    problem: str
    raw: bytes | None

    @property
    def no_bytes(self) -> str:
        """Say why there are no bytes, where ``raw`` is None."""
        if self.problem.startswith("tombstone"):
            return "the record had no value"
        return "its bytes are no longer kept"


@dataclass(slots=True)
class _Reason:
    """Callbacks of one reason and source; times in UTC."""

    callbacks: int
    first_received_at: datetime
    last_received_at: datetime
    place: str

    def _newness(self) -> tuple[datetime, str]:
        return self.last_received_at, self.place

    def add(self, other: "_Reason") -> None:
        """Take in the callbacks of another problem with this reason."""
        self.callbacks += other.callbacks
        self.first_received_at = min(self.first_received_at, other.first_received_at)
        newest = max(self, other, key=_Reason._newness)
        self.last_received_at, self.place = newest.last_received_at, newest.place


@dataclass(frozen=True, slots=True)
class Choice:
    """Which dead letters: these places, those of a reason, or all.

    Attributes:
        places: Places, as the column ``place`` has them; empty for all.
        reason: Words of the reason, in any case; None for all.
    """

    places: tuple[str, ...] = ()
    reason: str | None = None


def by_reason(connection: "duckdb.DuckDBPyConnection", period: "Period") -> rows.Rows:
    """Count the dead letters of a period, the most frequent reason first.

    Returns:
        One row a reason and source: count, first and last time received, and the place
        of the last one.
    """
    found: dict[tuple[str, str | None], _Reason] = {}
    for problem, source, *counted in _problems(connection, period):
        reason = _Reason(*counted)
        known = found.setdefault((_reason(problem), source), reason)
        if known is not reason:
            known.add(reason)
    in_order = sorted(
        found.items(),
        key=lambda item: (-item[1].callbacks, item[0][0], str(item[0][1])),
    )
    listed = (
        (
            reason,
            source and printable(source),
            r.callbacks,
            r.first_received_at,
            r.last_received_at,
            r.place,
        )
        for (reason, source), r in in_order
    )
    return rows.Rows(tuple(_COLUMNS), tuple(_COLUMNS.values()), listed)


def _problems(
    connection: "duckdb.DuckDBPyConnection", period: "Period"
) -> Iterator[Sequence[Any]]:
    query = queries.shipped_queries()["dead_letter_problems"]
    params = {"since": period.since, "until": period.until}
    found = rows.of(connection.execute(query.sql, params))
    return iter(()) if found is None else found.values


def chosen(
    connection: "duckdb.DuckDBPyConnection", choice: Choice
) -> Iterator[DeadLetter]:
    """Read dead letters, the newest first, a few at a time.

    Args:
        connection: The warehouse; nothing else is asked of it meanwhile.
        choice: Which; places that are no dead letters are left out.
    """
    result = _execute(connection, choice, "{}")
    while found := result.fetchmany(_AT_A_TIME):
        yield from (DeadLetter(*row) for row in found)


def count(connection: "duckdb.DuckDBPyConnection", choice: Choice) -> int:
    """Count the dead letters that a choice chooses."""
    result = _execute(connection, choice, "select count(*) from ({}) as chosen")
    ((found,),) = result.fetchall()
    return int(found)


def _execute(
    connection: "duckdb.DuckDBPyConnection", choice: Choice, around: str
) -> "duckdb.DuckDBPyConnection":
    query = queries.shipped_queries()["dead_letters_chosen"]
    problems = None
    if choice.reason is not None:
        problems = _problems_of(connection, choice.reason)
    params = {"places": list(choice.places) or None, "problems": problems}
    return connection.execute(around.format(query.sql), params)


def _problems_of(connection: "duckdb.DuckDBPyConnection", reason: str) -> list[str]:
    wanted = reason.casefold()
    problems = {problem for problem, *_ in _problems(connection, EVERYTHING)}
    return [each for each in problems if wanted in _reason(each).casefold()]


def _reason(problem: str) -> str:
    """Return a problem's reason; keys in it are hostile, in every format."""
    return printable(reason_of(problem))


def repaired(
    connection: "duckdb.DuckDBPyConnection", places: Sequence[str]
) -> list[str]:
    """Return those of the places that are no dead letters any more.

    Raises:
        ConfigurationError: At a place there is, and was, none.
    """
    if not places:
        return []
    left = {letter.place for letter in chosen(connection, Choice(tuple(places)))}
    gone = [place for place in places if place not in left]
    for place in gone:
        if not _was_parked(connection, place):
            raise ConfigurationError(
                f"There is no dead letter {place!r}: `undelivered dead-letters list` "
                f"and the view dead_letters name their places."
            )
    return gone


def _was_parked(connection: "duckdb.DuckDBPyConnection", place: str) -> bool:
    match = _PLACE.fullmatch(place)
    if match is None:
        return False
    found = connection.execute(
        "select 1 from callbacks where problem is not null and log_id = $log_id "
        "and kafka_partition = $partition and kafka_offset = $offset "
        "and kafka_index = $index",
        {
            "log_id": match["log_id"],
            **{name: int(match[name]) for name in ("partition", "offset", "index")},
        },
    ).fetchone()
    return found is not None
