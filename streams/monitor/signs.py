"""Signs of life: when each partition was written about last, by the broker's time."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from streams.core.live import Place
from streams.core.publications import Publication

# A worker writes once a second; a rebalance takes some.
SILENT_MS = 5_000


@dataclass(slots=True)
class _Sign:
    written_ms: int
    read_ms: float
    position: int
    told_at: int = 0
    as_of: int | None = None


class Signs:
    """What the newest messages said, whether or not their numbers count."""

    def __init__(
        self,
        steady: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Begin without any.

        Args:
            steady: A clock that only goes on, seconds.
            wall: The machine's clock, seconds since 1970; it may be wrong.
        """
        self._steady = steady
        self._wall = wall
        self._signs: dict[Place, _Sign] = {}
        self._ahead_ms: float | None = None
        self._caught_up_ms: float | None = None
        self._is_live = False

    def note(self, publication: Publication, written_ms: int) -> None:
        """Note a message."""
        place = Place(publication.log_id, publication.partition)
        now = self._steady_ms()
        sign = self._signs.get(place)
        if sign is None:
            sign = self._signs[place] = _Sign(written_ms, now, publication.position)
        sign.written_ms, sign.read_ms = max(sign.written_ms, written_ms), now
        sign.position = max(sign.position, publication.position)
        if publication.as_of is not None and publication.position >= sign.told_at:
            sign.told_at, sign.as_of = publication.position, publication.as_of
        if self._ahead_ms is None or written_ms - now > self._ahead_ms:
            self._ahead_ms = written_ms - now
        self._is_live = self._caught_up_ms is not None

    def caught_up(self) -> None:
        """Note that what comes from here on was written after the start."""
        if self._caught_up_ms is None:
            self._caught_up_ms = self._steady_ms()

    def now_ms(self) -> int:
        """Return the broker's time, milliseconds since 1970.

        It is that of the newest message and how long ago it came. Before the first
        message that was written since the start, nothing tells it but the machine's
        clock; no count and no ``as_of`` follows from it.
        """
        told = None if self._ahead_ms is None else self._steady_ms() + self._ahead_ms
        if told is not None and self._is_live:
            return round(told)
        return round(max(self._wall() * 1000, told or 0))

    def told(self, place: Place, position: int) -> int | None:
        """Return the last ``as_of`` told, if its records lie below a position."""
        sign = self._signs.get(place)
        return None if sign is None or sign.told_at > position else sign.as_of

    def is_beyond(self, place: Place, position: int) -> bool:
        """Tell whether records beyond a position were written about."""
        sign = self._signs.get(place)
        return sign is not None and sign.position > position

    def silences(self, places: Sequence[Place]) -> list[str]:
        """Say which partitions nobody writes about any more, and since when."""
        if self._caught_up_ms is None:
            return []
        silent_from = self._steady_ms() - SILENT_MS
        if self._caught_up_ms > silent_from:
            return []
        ends = sorted(
            (sign.written_ms, place.partition)
            for place in places
            if (sign := self._signs.get(place)) and sign.read_ms < silent_from
        )
        found = [
            f"Nobody has written about {in_words(numbers)} since {_utc(since_ms)}: the "
            f"worker that counts them, or Kafka, is down."
            for since_ms, numbers in _together(ends)
        ]
        if never := [p.partition for p in places if p not in self._signs]:
            found.append(
                f"Nobody writes about {in_words(never)}: no worker counts them."
            )
        return found

    def _steady_ms(self) -> float:
        return self._steady() * 1000


def _together(ends: Sequence[tuple[int, int]]) -> list[tuple[int, list[int]]]:
    """Put partitions together that fell silent at about the same time."""
    groups: list[tuple[int, list[int]]] = []
    for written_ms, number in ends:
        if groups and written_ms - groups[-1][0] <= SILENT_MS:
            groups[-1][1].append(number)
        else:
            groups.append((written_ms, [number]))
    return groups


def in_words(numbers: Iterable[int]) -> str:
    """Name partitions, such as ``partition 3`` or ``partitions 0-2, 5``."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    names = [f"{r[0]}-{r[-1]}" if len(r) > 1 else str(r[0]) for r in ranges]
    alone = len(ranges) == 1 and len(ranges[0]) == 1
    return f"partition{'' if alone else 's'} {', '.join(names)}"


def _utc(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
