"""The commits of what partitions gained, and how each of them ended."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from streams.archive import table as tables
from streams.archive.site import Where
from streams.core.positions import Answer, Fate, Move, Then, after_commit, fate_of
from streams.worker.commits import Tables, commit_counts, commit_rows
from streams.worker.condition import Condition
from streams.worker.measuring import Measuring
from streams.worker.partition import Cut, Gain, Partition

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Archive:
    """The two tables on one thread of their own: never used by two at once."""

    def __init__(self, where: Where) -> None:
        """Open nothing yet."""
        self._where = where
        self._tables: Tables | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive")

    def tables(self) -> Tables:
        """Return both tables, opened or made at the first call; blocks."""
        if self._tables is None:
            self._tables = (
                tables.callbacks(self._where),
                tables.window_counts(self._where),
            )
        return self._tables

    async def call(self, call: Callable[..., T], *arguments: object) -> T:
        """Run something on the thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, call, *arguments)

    def close(self) -> None:
        """Wait until the thread is done."""
        self._thread.shutdown(wait=True)


@dataclass(frozen=True, slots=True)
class Flushed:
    """How a flush ended.

    Attributes:
        answer: ``DONE`` when all that was gained is in the table.
        overtaken: Partitions whose position somebody else has moved.
    """

    answer: Answer
    overtaken: frozenset[int] = frozenset()


class Committing:
    """Commits what partitions gained, and finds out what became of it.

    A commit that was refused or not answered is in doubt until the table was looked at;
    as long as that fails nothing further is committed. Whoever cancels a commit has to
    hold nothing any more: it may still be made.
    """

    def __init__(
        self, archive: Archive, condition: Condition, measuring: Measuring
    ) -> None:
        """Commit to these tables."""
        self._archive = archive
        self._measuring = measuring
        self._began = 0.0
        self._condition = condition
        self._cuts: list[Cut] = []
        self._gains: list[Gain] = []
        self._answer = Answer.DONE
        self.is_failing = False

    @property
    def bytes_in_doubt(self) -> int:
        """Return the memory of rows of which nobody knows whether they are archived."""
        return sum(cut.nbytes for cut in self._cuts)

    def let_go_of_doubts(self) -> set[int]:
        """Return the partitions of which a commit is in doubt, and forget about it."""
        numbers = {cut.partition.number for cut in self._cuts}
        numbers |= {gain.partition.number for gain in self._gains}
        self._cuts, self._gains = [], []
        return numbers

    async def rows(self, partitions: Iterable[Partition]) -> Flushed:
        """Commit rows and positions to table callbacks."""
        doubts = await self._look_again()
        if doubts is not None:
            return doubts
        self._cuts = [cut for p in partitions if (cut := p.cut())]
        if not self._cuts:
            return Flushed(Answer.DONE)
        answer = await self._commit("callbacks", commit_rows, self._cuts)
        if answer is Answer.DONE:
            for cut in self._cuts:
                self._archived(cut)
            self._cuts = []
        return await self._after(answer)

    async def counts(self, partitions: Iterable[Partition]) -> Flushed:
        """Commit what the cells gained up to the archived positions."""
        self._gains = [gain for p in partitions if (gain := p.gain())]
        if not self._gains:
            return Flushed(Answer.DONE)
        answer = await self._commit("window_counts", commit_counts, self._gains)
        if answer is Answer.DONE:
            for gain in self._gains:
                gain.partition.count(gain)
            self._gains = []
        return await self._after(answer)

    async def _after(self, answer: Answer) -> Flushed:
        self._answer = answer
        self.is_failing = answer is not Answer.DONE
        if after_commit(answer) is not Then.BEGIN_AGAIN:
            return Flushed(answer)
        doubts = await self._look_again()
        overtaken = frozenset[int]() if doubts is None else doubts.overtaken
        return Flushed(answer, overtaken)

    async def _look_again(self) -> Flushed | None:
        """Find out what became of what is in doubt.

        Returns:
            None when nothing is in doubt any more and nobody was overtaken.
        """
        if not self._cuts and not self._gains:
            return None
        moves = [
            [(gained.partition, gained.move) for gained in pending]
            for pending in (self._cuts, self._gains)
        ]
        try:
            fates = await self._archive.call(self._fates, moves)
        except (tables.CommitFailedOrUnknownError, tables.CommitRefusedError) as error:
            self._condition.cannot("writing", f"cannot read the archive: {error}")
            return Flushed(Answer.UNKNOWN)
        overtaken = set()
        for cut, fate in zip(self._cuts, fates[0], strict=True):
            if fate is Fate.MADE:
                self._archived(cut)
            elif fate is Fate.NOT_MADE:
                cut.partition.put_back(cut)
            else:
                overtaken.add(cut.partition.number)
        for gain, fate in zip(self._gains, fates[1], strict=True):
            if fate is Fate.MADE:
                gain.partition.count(gain)
            elif fate is Fate.OVERTAKEN:
                overtaken.add(gain.partition.number)
        self._cuts, self._gains = [], []
        return Flushed(Answer.REFUSED, frozenset(overtaken)) if overtaken else None

    def _fates(self, moves: list[list[tuple[Partition, Move]]]) -> list[list[Fate]]:
        found = []
        for table, pending in zip(self._archive.tables(), moves, strict=True):
            if pending:
                table.refresh()
            places = [(table.position(p.log_id, p.number), move) for p, move in pending]
            found.append([fate_of(move, place, self._answer) for place, move in places])
        return found

    async def _commit(
        self, name: str, commit: Callable[[Tables, Any], None], gained: list[Any]
    ) -> Answer:
        began = self._began = monotonic()
        try:
            await self._archive.call(self._with_tables, commit, gained)
        except tables.CommitRefusedError as error:
            self._measuring.committed(name, "refused", monotonic() - began)
            logger.warning("Commit refused, looking at the tables again: %s", error)
            return Answer.REFUSED
        except tables.CommitFailedOrUnknownError as error:
            self._measuring.committed(name, "failed", monotonic() - began)
            self._condition.cannot("writing", f"cannot write the archive: {error}")
            return Answer.UNKNOWN
        except Exception as error:
            logger.debug("Commit of table %s", name, exc_info=True)
            self._condition.end(
                f"Table {name} cannot be written: {error!r}. Nothing is lost: what was "
                f"not committed stays in Kafka; --debug shows where it went wrong."
            )
            return Answer.UNFORESEEN
        self._condition.can("writing")
        self._measuring.committed(name, "done", monotonic() - began)
        return Answer.DONE

    def _with_tables(self, commit: Callable[[Tables, Any], None], gained: Any) -> None:  # noqa: ANN401 - cuts or gains
        commit(self._archive.tables(), gained)

    def _archived(self, cut: Cut) -> None:
        cut.partition.archive(cut)
        self._measuring.archived(cut, self._began)
