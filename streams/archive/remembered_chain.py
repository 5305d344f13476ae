"""The segments of a partition's memory: which lead from the beginning to a position.

Each new one is put together with those before it that are not more than twice as large:
there are few of them, and an identity is written again only a few times.
"""

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from streams.archive import remembered
from streams.archive.remembered import Segment, UnusableSegmentError
from streams.core.identity import Hashes
from streams.core.memory import GENERATION_US, IdentityMemory, is_held

logger = logging.getLogger(__name__)

_MERGED_UP_TO = 2


class Chain:
    """The segments of one partition that follow each other, from the beginning on."""

    def __init__(self, data_dir: Path, log_id: str, partition: int) -> None:
        """Begin with no segments."""
        self._log_id = log_id
        self._folder = remembered.folder(data_dir, log_id, partition)
        self._segments: list[Segment] = []

    @property
    def end(self) -> int:
        """Return the position that the segments lead to; 0 when there are none."""
        return self._segments[-1].end if self._segments else 0

    def forget(self) -> None:
        """Begin anew: what entered since the end of the chain is not at hand."""
        self._segments = []

    def load(self, position: int) -> IdentityMemory | None:
        """Make the memory at the highest position there is up to the one given.

        What is damaged, of another log or version, or beyond the position is left
        aside, with a line in the log.

        Returns:
            None where there is no segment to begin with.
        """
        self._segments = []
        read: list[Mapping[int, Hashes]] = []
        for begin, end in _longest_first(remembered.places(self._folder)):
            path = remembered.path_of(self._folder, begin, end)
            if end > position:
                logger.info("%s is beyond position %d: not used.", path, position)
            elif begin == self.end:
                try:
                    segment, parts = remembered.read(path, self._log_id, lambda _: True)
                except (UnusableSegmentError, OSError) as error:
                    logger.warning("%s is of no use: %s.", path, error)
                    continue
                self._segments.append(segment)
                read.append(parts)
        return _memory(self._segments[-1].log_time_us, read) if read else None

    def append(
        self, end: int, log_time_us: int, parts: Mapping[int, list[Hashes]]
    ) -> None:
        """Write what entered from the end of the chain to a position.

        Args:
            end: The position, archived by now.
            log_time_us: The log's time there, microseconds.
            parts: What entered since, by generation; where the chain is empty, all that
                is held.

        Raises:
            OSError: It cannot be written; the chain is empty then.
            UnusableSegmentError: What was written before cannot be read any more; the
                chain is empty then.
        """
        before, self._segments = self._segments, []
        current = log_time_us // GENERATION_US
        gathered = {g: list(found) for g, found in parts.items() if is_held(g, current)}
        kept, begin = list(before), before[-1].end if before else 0
        while kept and len(kept[-1]) <= _MERGED_UP_TO * _count(gathered):
            last = kept.pop()
            begin = last.begin
            _, earlier = remembered.read(
                last.path, self._log_id, lambda g: is_held(g, current)
            )
            for generation, hashes in earlier.items():
                gathered.setdefault(generation, []).append(hashes)
        counts = {g: sum(map(len, found)) for g, found in gathered.items()}
        path = remembered.path_of(self._folder, begin, end)
        segment = Segment(begin, end, log_time_us, counts, path)
        remembered.write(self._folder, self._log_id, segment, gathered)
        self._segments = [*kept, segment]
        self._remove_others()

    def _remove_others(self) -> None:
        kept = {segment.path for segment in self._segments}
        for path in self._folder.iterdir():
            if path not in kept:
                with suppress(OSError):
                    path.unlink()


def _longest_first(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Order places by their begin; of those with the same the longest first."""
    return sorted(places, key=lambda place: (place[0], -place[1]))


def _count(parts: Mapping[int, Iterable[Hashes]]) -> int:
    return sum(len(hashes) for found in parts.values() for hashes in found)


def _memory(log_time_us: int, read: Iterable[Mapping[int, Hashes]]) -> IdentityMemory:
    """Put the parts of all segments together, one generation after another."""
    memory, parts = IdentityMemory(), list(read)
    memory.restore({}, log_time_us)
    for generation in sorted({g for found in parts for g in found}):
        found = np.concatenate([p[generation] for p in parts if generation in p])
        memory.restore({generation: found}, log_time_us)
    return memory
