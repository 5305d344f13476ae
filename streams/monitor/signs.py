"""Signs of life: when each partition was written about last, by the broker's time."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from streams.core.live import Place
from streams.core.publications import Publication

# A worker writes once a second; a rebalance takes some.
_SILENT_MS = 5_000


@dataclass(slots=True)
class _Sign:
    written_ms: int
    position: int
    told_at: int = 0
    as_of: int | None = None


class Signs:
    """What the newest messages said, whether or not their numbers count."""

    def __init__(self) -> None:
        """Begin without any."""
        self._signs: dict[Place, _Sign] = {}
        self._ahead_ms: float | None = None

    def note(self, publication: Publication, written_ms: int) -> None:
        """Note a message."""
        place = Place(publication.log_id, publication.partition)
        sign = self._signs.setdefault(place, _Sign(written_ms, publication.position))
        sign.written_ms = max(sign.written_ms, written_ms)
        sign.position = max(sign.position, publication.position)
        if publication.as_of is not None and publication.position >= sign.told_at:
            sign.told_at, sign.as_of = publication.position, publication.as_of
        ahead = written_ms - _steady_ms()
        if self._ahead_ms is None or ahead > self._ahead_ms:
            self._ahead_ms = ahead

    def now_ms(self) -> int | None:
        """Return the broker's time, as far as its messages let it be known.

        No clock of this machine is read but one that only measures how long ago the
        newest message came. None when there was no message.
        """
        return None if self._ahead_ms is None else round(_steady_ms() + self._ahead_ms)

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
        now = self.now_ms() or 0
        never = [p.partition for p in places if p not in self._signs]
        ends = sorted(
            (self._signs[p].written_ms, p.partition) for p in places if p in self._signs
        )
        found = [
            f"Nobody has written about {in_words(numbers)} since {_utc(since_ms)}: the "
            f"worker that counts them, or Kafka, is down."
            for since_ms, numbers in _together(ends)
            if now - since_ms > _SILENT_MS
        ]
        if never:
            found.append(
                f"Nobody has written about {in_words(never)} for ten minutes before "
                f"the monitor began: no worker counts them."
            )
        return found


def _together(ends: Sequence[tuple[int, int]]) -> list[tuple[int, list[int]]]:
    """Put partitions together that fell silent at about the same time."""
    groups: list[tuple[int, list[int]]] = []
    for written_ms, number in ends:
        if groups and written_ms - groups[-1][0] <= _SILENT_MS:
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


def _steady_ms() -> float:
    return time.monotonic() * 1000


def _utc(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
