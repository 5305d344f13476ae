"""Upkeep of the archive: counts summed, files put together, old rows and files removed.

It runs beside workers. Every change is one transaction of one table that says the same
as before, but for what retention drops: a kill at any point leaves the tables exact,
and the next run goes on.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

from filelock import FileLock, Timeout
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from streams.archive import retention, site, upkeep, upkeep_plan
from streams.archive.presence import ArchiveBusyError, Presence
from streams.archive.site import Site, Where
from streams.archive.table import CommitRefusedError
from streams.archive.upkeep import File, Upkeep
from streams.settings import ConfigurationError
from streams.warehouse import maintain_counts, maintain_files, maintain_sums
from streams.warehouse.maintain_files import Compacting
from streams.warehouse.maintain_steps import Done, Step, Tally

LOCK = "maintain.lock"
CALLBACKS, WINDOW_COUNTS, SENT = "callbacks", "window_counts", "sent"
_DATED_BY = {CALLBACKS: "received", WINDOW_COUNTS: "counted", SENT: "sent"}
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be done.

    Attributes:
        grace: How long files stay that are in no snapshot any more.
        keep: How long callbacks and messages sent are kept, whole dates; None keeps
            all.
        keep_counts: How long counts are kept, whole dates; None keeps all.
        dry_run: Change nothing, say what would be done.
    """

    grace: timedelta
    keep: timedelta | None = None
    keep_counts: timedelta | None = None
    dry_run: bool = False


# Told what is being done, how much of it is done, and how much there is.
Shown = Callable[[str, int, int], None]


def run(where: Where, wanted: Wanted, now: datetime, shown: Shown) -> Done:
    """Look after an archive.

    Args:
        where: Where the archive lies; without one nothing is done.
        wanted: What shall be done.
        now: The clock, with a zone.
        shown: Is told how far it is.

    Raises:
        ConfigurationError: Another run goes on.
        CommitRefusedError: Somebody else rewrites the same files all the time.
        CommitFailedOrUnknownError: A table cannot be read or written.
    """
    found = site.at(where)
    if not found.table(site.CALLBACKS).exists():
        return Done()
    with _only_one(found):
        upkeep_run = _Run(found, wanted, now, shown)
        upkeep_run.look_after_counts()
        upkeep_run.look_after_callbacks()
        upkeep_run.look_after_sent()
        upkeep_run.sum_by_day()
        upkeep_run.clean()
        return upkeep_run.done


@contextmanager
def _only_one(where: Site) -> Iterator[None]:
    data_dir = where.data_dir
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data_dir / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigurationError(
            f"Upkeep of {where} goes on already: wait until it has ended."
        ) from error
    presence = Presence(data_dir)
    try:
        # A worker that repairs the archive takes versions back meanwhile.
        presence.share()
        yield
    except ArchiveBusyError as error:
        raise ConfigurationError(
            f"A worker repairs the archive in {where}: look after it afterwards."
        ) from error
    finally:
        presence.leave()
        lock.release()


class _Run:
    """One run over all tables."""

    def __init__(
        self, where: Site, wanted: Wanted, now: datetime, shown: Shown
    ) -> None:
        self.done = Done()
        self._wanted = wanted
        self._now = now
        self._today = now.astimezone(UTC).date()
        self._shown = shown
        self._callbacks = upkeep.callbacks(where)
        self._counts: Upkeep | None = None
        if where.table(site.WINDOW_COUNTS).exists():
            self._counts = upkeep.window_counts(where)
        self._sent: Upkeep | None = None
        if where.table(site.SENT).exists():
            self._sent = upkeep.sent(where)
        if not wanted.dry_run:
            for _, table in self._tables():
                table.remove_staged()
                table.configure(wanted.grace)

    def _tables(self) -> Iterator[tuple[str, Upkeep]]:
        yield CALLBACKS, self._callbacks
        if self._counts is not None:
            yield WINDOW_COUNTS, self._counts
        if self._sent is not None:
            yield SENT, self._sent

    # ---------------------------------------------------------------- window_counts

    def look_after_counts(self) -> None:
        """Sum increments; those of dates that are over, for good."""
        counts = self._counts
        if counts is None:
            return
        prefix = maintain_counts.settled_prefix()
        dates = upkeep_plan.dates_to_settle(counts.files(), self._today, prefix)
        step = Tally(WINDOW_COUNTS, "summed, dates that are over")
        for number, day in enumerate(dates):
            self._shown(f"Summing the counts of {day}", number, len(dates))
            self._again(partial(self._settle, counts, day, step))
        self._note(step)
        step = Tally(WINDOW_COUNTS, "summed, today")
        self._again(partial(self._sum_today, counts, step))
        self._note(step)

    def _settle(self, counts: Upkeep, day: date, step: Tally) -> None:
        counts.refresh()  # before the callbacks: they then hold all that it counts
        self._callbacks.refresh()
        files = [file for file in counts.files() if file.date == day]
        self._sum(counts, files, step, settle=True)

    def _sum_today(self, counts: Upkeep, step: Tally) -> None:
        counts.refresh()
        files = [file for file in counts.files() if file.date >= self._today]
        groups = upkeep_plan.groups_to_compact(files, self._today, "window_start")
        for number, group in enumerate(groups):
            self._shown("Summing the counts of today", number, len(groups))
            self._sum(counts, group, step, settle=False)

    def _sum(
        self, counts: Upkeep, files: list[File], step: Tally, *, settle: bool
    ) -> None:
        if self._wanted.dry_run:
            step.before(files)
            return
        callbacks = self._callbacks
        found = maintain_counts.total(counts, callbacks, files, settle=settle)
        step.before(files)
        step.after(found.files, found.rows, found.size)
        self.done.differences.extend(found.differences)

    def sum_by_day(self) -> None:
        """Keep sums by the day of what is settled beside the table."""
        counts = self._counts
        if counts is None:
            return
        counts.refresh()
        step = Tally(WINDOW_COUNTS, "summed by the day, beside it")
        lacking = maintain_sums.missing(counts)
        for number, (month, files) in enumerate(lacking):
            self._shown("Summing the counts by the day", number, len(lacking))
            step.before(files)
            if not self._wanted.dry_run:
                found = maintain_sums.write(counts, month, files)
                step.after(1, found.rows, found.size)
        self._note(step)
        if not self._wanted.dry_run:
            maintain_sums.remove_old(counts, self._wanted.grace, self._now)

    # -------------------------------------------------------------------- callbacks

    def look_after_callbacks(self) -> None:
        """Drop what is too old, put small files together."""
        self._drop()
        compacting = maintain_files.callbacks(self._callbacks)
        self._put_together(CALLBACKS, compacting)

    def look_after_sent(self) -> None:
        """The same for the logs of messages sent."""
        sent = self._sent
        if sent is None:
            return
        if self._wanted.keep is not None:
            drop = partial(sent.drop, positions={})
            self._drop_before(SENT, sent, self._today - self._wanted.keep, drop)
        self._put_together(SENT, maintain_files.sent(sent))

    def _put_together(self, name: str, compacting: Compacting) -> None:
        groups = compacting.groups(self._today)
        dates = sorted({group[0].date for group in groups})
        step = Tally(name, "put together, sorted")
        for number, day in enumerate(dates):
            self._shown(f"Putting files of {day} together", number, len(dates))
            self._again(partial(self._compact, compacting, day, step))
        self._note(step)

    def _compact(self, compacting: Compacting, day: date, step: Tally) -> None:
        table = compacting.table
        table.refresh()
        for group in compacting.groups(self._today, day):
            if not self._wanted.dry_run:
                rows_ = compacting.sorted_rows(group)
                new = table.replace(group, rows_, "compacted")
                step.after(len(new), len(rows_), sum(file.size for file in new))
            step.before(group)

    # -------------------------------------------------------------------- retention

    def _drop(self) -> None:
        keep, keep_counts = self._wanted.keep, self._wanted.keep_counts
        if keep is not None:
            drop = partial(retention.drop_callbacks, self._callbacks)
            self._drop_before(CALLBACKS, self._callbacks, self._today - keep, drop)
        if keep_counts is not None and self._counts is not None:
            counts = self._counts
            before = self._today - keep_counts
            drop = partial(counts.drop, positions={})
            self._drop_before(WINDOW_COUNTS, counts, before, drop)

    def _drop_before(
        self,
        name: str,
        table: Upkeep,
        before: date,
        drop: Callable[[Sequence[File]], None],
    ) -> None:
        step = Tally(name, f"dropped, {_DATED_BY[name]} before {before}")

        def again() -> None:
            table.refresh()
            old = retention.files_before(table.files(), before)
            if old and not self._wanted.dry_run:
                drop(old)
                step.after(0, 0, 0)
            step.before(old)

        self._again(again)
        self._note(step)

    # --------------------------------------------------------------------- the rest

    def clean(self) -> None:
        """Remove old files and log entries; say what each table has now."""
        for name, table in self._tables():
            self._shown(f"Removing old files of table {name}", 0, 1)
            files, size = table.remove_old_files(dry_run=self._wanted.dry_run)
            if files:
                step = Step(
                    name, "removed from the disk", files, 0, None, None, size, 0
                )
                self.done.steps.append(step)
            if not self._wanted.dry_run:
                table.clean_log()
                table.remove_staged()
        for name, table in self._tables():
            table.refresh()
            kept = Tally(name, "is kept")
            kept.before(table.files())
            kept.after(kept.files, kept.rows, kept.size)
            self.done.steps.append(kept.row())

    def _note(self, step: Tally) -> None:
        if step.files:
            self.done.steps.append(step.row())

    def _again(self, act: Callable[[], None]) -> None:
        """Plan and act anew when files were rewritten by somebody else meanwhile."""
        Retrying(
            retry=retry_if_exception_type(CommitRefusedError),
            stop=stop_after_attempt(_TRIES),
            reraise=True,
        )(act)
