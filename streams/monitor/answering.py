"""A query → an answer: rows out of memory, and of the table for what is older."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec

from streams.core.rate_query import Query, window_starts
from streams.core.rate_rows import Row, TooManyRowsError, rows
from streams.core.series import DIMENSIONS, Cells, SeriesBook, encoded, joined
from streams.core.totals import Totals, as_changes
from streams.monitor.live import Live, Older
from streams.warehouse import counted

# So many cells of the table, summed by what was asked for, are held at most.
MOST_OLDER_CELLS = 500_000
# A query of the table takes a core; others wait for their turn.
_TABLE_QUERIES = 1
_TABLE_WAIT_SECONDS = 20.0
_ROWS_AT_ONCE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_MS = 60_000


class TooMuchError(Exception):
    """The answer would be larger than allowed; the message is a sentence."""


class BusyError(Exception):
    """Other questions about the table are being answered; the message says so."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, its rows not made yet.

    Attributes:
        rows: Rows of core.rate_rows, with ``window_start`` as text.
        head: Everything else, as it is written after the rows.
    """

    rows: Iterator[Row]
    head: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Part:
    """A period's cells: those in memory, and what to read of the table."""

    memory: Cells
    since: int
    split: int
    until: int


class Answering:
    """Answers queries over what the monitor knows."""

    def __init__(self, live: Live, most_rows: int) -> None:
        """Answer with at most so many rows."""
        self._live = live
        self._most_rows = most_rows
        self._turn = asyncio.Semaphore(_TABLE_QUERIES)

    async def answer(self, query: Query, most_rows: int | None = None) -> Answer:
        """Answer a query.

        Raises:
            TooMuchError: There would be too many rows, or cells to make them of.
            BusyError: The table is being read for others.
        """
        most = min(self._most_rows, most_rows or self._most_rows)
        parts = [self._part(query.since, query.until)]
        if query.compare is not None:
            earlier = (query.since - query.compare, query.until - query.compare)
            parts.append(self._part(*earlier))
        head = self._head(query, parts[0])
        try:
            if all(part.split <= part.since for part in parts):
                cells = [part.memory for part in parts]
                found = _rows(query, self._live.totals.book, cells, most)
            else:
                found = await self._with_table(query, parts, head, most)
        except TooManyRowsError as error:
            raise TooMuchError(
                f"The answer would have {error.rows} rows, {most} are allowed: ask for "
                f"a shorter period, a longer window, fewer dimensions in by, or top."
            ) from error
        except counted.TooManyCellsError as error:
            raise TooMuchError(
                f"The period has more than {MOST_OLDER_CELLS} cells that are not in "
                f"memory: ask for a shorter one, a longer window, or fewer dimensions."
            ) from error
        return Answer(map(_presentable, found), head)

    def _part(self, since: int, until: int) -> _Part:
        totals = self._live.totals
        split = min(max(since, totals.since), until)
        return _Part(totals.between(split, until), since, split, until)

    async def _with_table(
        self, query: Query, parts: list[_Part], head: dict[str, Any], most: int
    ) -> Iterator[Row]:
        """Answer on a thread, over what is known at this moment."""
        older, book = self._live.older(), self._live.totals.book.copy()
        head["sources"]["table"] = {
            "since": text_of(parts[0].since),
            "until": text_of(parts[0].split),
            "version": older.version,
        }
        try:
            async with asyncio.timeout(_TABLE_WAIT_SECONDS):
                await self._turn.acquire()
        except TimeoutError as error:
            raise BusyError(
                f"Others ask for what is older than {text_of(self._live.totals.since)} "
                f"and read the table: ask again later."
            ) from error
        try:
            return await asyncio.to_thread(_from_both, query, parts, older, book, most)
        finally:
            self._turn.release()

    def _head(self, query: Query, part: _Part) -> dict[str, Any]:
        live = self._live
        as_of = live.as_of_ms()
        provisional = None
        if as_of is not None:
            start = window_starts(as_of // _MINUTE_MS, query.window or 1)
            provisional = text_of(start)
        return {
            "as_of": None if as_of is None else _precise(as_of),
            "provisional_from": provisional,
            "since": text_of(query.since),
            "until": text_of(query.until),
            "problems": live.problems(),
            "sources": {
                "memory": {"since": text_of(part.split), "until": text_of(part.until)}
                if part.split < part.until
                else None,
                "table": None,
                "positions": {
                    f"{place.log_id}/{place.partition}": position
                    for place, position in sorted(live.positions().items())
                },
            },
        }


def _rows(
    query: Query, book: SeriesBook, cells: list[Cells], most: int
) -> Iterator[Row]:
    now, *earlier = cells
    return rows(query, book, now, earlier[0] if earlier else None, most)


def _from_both(
    query: Query, parts: list[_Part], older: Older, book: SeriesBook, most: int
) -> Iterator[Row]:
    shifts = (0, query.compare or 0)
    cells = [
        joined([part.memory, _older_cells(query, part, shift, older, book)])
        for part, shift in zip(parts, shifts, strict=False)
    ]
    return _rows(query, book, cells, most)


def _older_cells(
    query: Query, part: _Part, shift: int, older: Older, book: SeriesBook
) -> Cells:
    """Return the cells of a period that are not in memory, the table's summed.

    Sums are by minute where the windows do not begin where the table's would.
    """
    if part.split <= part.since:
        return joined([])
    window = query.window
    if shift and window is not None and shift % window:
        window = 1
    asked = counted.Asked(
        _time(part.since),
        _time(part.split),
        None if window is None else timedelta(minutes=window),
        _needed(query),
        _countries(query),
    )
    sums = counted.cells(older.files, asked, MOST_OLDER_CELLS, older.place)
    found = [encoded(sums, book)]
    gained = Totals(part.since, MOST_OLDER_CELLS)
    gained.book = book
    for numbers, sign in older.more:
        gained.change(as_changes(numbers, sign))
    return joined([*found, gained.between(part.since, part.split)])


def _needed(query: Query) -> list[str]:
    filtered = (each.name for each in query.filters)
    names = {*query.by, *filtered}
    return [name for name in DIMENSIONS if name in names and name != "outcome"]


def _countries(query: Query) -> list[str] | None:
    asked = query.filter_of("country")
    return None if asked is None else sorted({str(each or "") for each in asked})


def _presentable(row: Row) -> Row:
    row["window_start"] = text_of(row["window_start"])
    return row


@lru_cache(maxsize=4_096)
def text_of(minute: int) -> str:
    """Write a minute as ISO 8601, UTC."""
    return f"{_time(minute).replace(tzinfo=None).isoformat()}Z"


def _time(minute: int) -> datetime:
    return _EPOCH + timedelta(minutes=int(minute))


def _precise(time_ms: int) -> str:
    time = _EPOCH + timedelta(milliseconds=time_ms)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def as_json(value: Any) -> bytes:  # noqa: ANN401 - whatever is written
    """Write JSON that no browser takes for a page, whatever a provider sent."""
    return msgspec.json.encode(value).replace(b"<", b"\\u003c")


def written(answer: Answer) -> Iterator[bytes]:
    """Write an answer as JSON, some hundred rows at a time."""
    yield b'{"rows":['
    comma = b""
    while several := list(islice(answer.rows, _ROWS_AT_ONCE)):
        yield comma + as_json(several)[1:-1]
        comma = b","
    yield b"]," + as_json(answer.head)[1:]
