"""The commits of what partitions gained, and how each of them ended."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import pyarrow.compute as pc

from streams import telemetry
from streams.archive import table as tables
from streams.core.positions import Answer
from streams.worker.commits import Tables, commit_counts, commit_rows
from streams.worker.condition import Condition
from streams.worker.partition import Partition

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Archive:
    """The two tables on one thread of their own: never used by two at once."""

    def __init__(self, data_dir: Path) -> None:
        """Open nothing yet."""
        self.data_dir = data_dir
        self._tables: Tables | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive")

    def tables(self) -> Tables:
        """Return both tables, opened or made at the first call; blocks."""
        if self._tables is None:
            self._tables = (
                tables.callbacks(self.data_dir),
                tables.window_counts(self.data_dir),
            )
        return self._tables

    async def call(self, call: Callable[..., T], *arguments: object) -> T:
        """Run something on the thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, call, *arguments)

    def close(self) -> None:
        """Wait until the thread is done."""
        self._thread.shutdown(wait=True)


class Committing:
    """Commits what partitions gained; says how it ended, and decides nothing.

    Whoever cancels a commit has to hold nothing any more: it may still be made.
    """

    def __init__(self, archive: Archive, condition: Condition) -> None:
        """Commit to these tables."""
        self._archive = archive
        self._condition = condition

    async def rows(self, partitions: Iterable[Partition]) -> Answer:
        """Commit rows and positions to table callbacks."""
        cuts = [cut for p in partitions if (cut := p.cut())]
        if not cuts:
            return Answer.DONE
        answer = await self._commit("callbacks", commit_rows, cuts)
        if answer is Answer.DONE:
            for cut in cuts:
                cut.partition.archive(cut)
                telemetry.ROWS.inc(len(cut.rows))
                telemetry.COPIES.inc(pc.sum(cut.rows["is_copy"]).as_py() or 0)
        return answer

    async def counts(self, partitions: Iterable[Partition]) -> Answer:
        """Commit what the cells gained up to the archived positions."""
        gains = [gain for p in partitions if (gain := p.gain())]
        if not gains:
            return Answer.DONE
        answer = await self._commit("window_counts", commit_counts, gains)
        if answer is Answer.DONE:
            for gain in gains:
                gain.partition.count(gain)
        return answer

    async def _commit(
        self, name: str, commit: Callable[[Tables, Any], None], gained: list[Any]
    ) -> Answer:
        began = monotonic()
        try:
            await self._archive.call(self._with_tables, commit, gained)
        except tables.CommitRefusedError as error:
            telemetry.COMMITS.labels(name, "refused").inc()
            logger.warning("Commit refused, beginning again from the tables: %s", error)
            return Answer.REFUSED
        except tables.CommitFailedOrUnknownError as error:
            telemetry.COMMITS.labels(name, "failed").inc()
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
        telemetry.COMMITS.labels(name, "done").inc()
        telemetry.COMMIT_SECONDS.labels(name).observe(monotonic() - began)
        return Answer.DONE

    def _with_tables(self, commit: Callable[[Tables, Any], None], gained: Any) -> None:  # noqa: ANN401 - cuts or gains
        commit(self._archive.tables(), gained)
