"""An import of messages sent: files of any form into table sent, each message once."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, tzinfo
from itertools import chain

from streams.archive import site, table
from streams.archive.presence import ArchiveBusyError, Presence
from streams.archive.sent import SentTable
from streams.archive.site import Site
from streams.archive.table import CommitFailedOrUnknownError, CommitRefusedError
from streams.core import sent
from streams.intake.importing import sources
from streams.intake.importing.noted import Noted
from streams.intake.importing.progress import ProgressShown
from streams.intake.importing.sent_asked import Asked
from streams.intake.importing.sent_formats import EMPTY, content_of
from streams.intake.importing.sent_log import Content, Record
from streams.intake.importing.sent_rows import Batch
from streams.intake.importing.sent_summary import Summary
from streams.settings import ConfigurationError, Settings, length_of

# Where so many records at the beginning are all wrong, the file is taken for another.
_WRONG_AT_FIRST = 1_000
_PLACES_NAMED = 5


def run(settings: Settings, asked: Asked, now: datetime) -> Summary:
    """Import files; return when everything is in the table and on the disk.

    Args:
        settings: The data folder, and how long callbacks are kept.
        asked: Which files, and how they are read.
        now: The clock, with a zone.

    Raises:
        ConfigurationError: A path is not there, or the table cannot be written.
    """
    found = sources.find(asked.paths)
    keep = length_of(settings.keep or "")
    kept_from = None if keep is None else (now.astimezone(UTC) - keep).date()
    with ProgressShown() as progress, _archive(site.of(settings)):
        progress.begin("Reading what was imported before", None)
        held = SentTable(table.sent(site.of(settings)))
        if len(held):
            progress.say(f"{len(held):,} rows are there already and are left out.")
        return _Import(
            found, asked, held, progress=progress, kept_from=kept_from, now=now
        ).run()


@contextmanager
def _archive(where: Site) -> Iterator[None]:
    """Use the archive beside others; say what goes wrong with it in words."""
    try:
        where.data_dir.mkdir(parents=True, exist_ok=True)
        presence = Presence(where.data_dir)
        try:
            presence.share()
            yield
        finally:
            presence.leave()
    except ArchiveBusyError as error:
        raise ConfigurationError(
            f"A worker repairs the archive in {where}: import afterwards."
        ) from error
    except (CommitFailedOrUnknownError, CommitRefusedError, OSError) as error:
        raise ConfigurationError(
            f"The archive in {where} cannot be read or written ({error}): see to "
            f"that, and import again; what is in it is left out."
        ) from error


class _Import:
    """Files on their way into the table."""

    def __init__(  # noqa: PLR0913 - what an import is made of
        self,
        found: Sequence[sources.Source],
        asked: Asked,
        held: SentTable,
        *,
        progress: ProgressShown,
        kept_from: date | None,
        now: datetime,
    ) -> None:
        self._found = found
        self._asked = asked
        self._held = held
        self._progress = progress
        self._kept_from = kept_from
        self._batch = Batch(now)
        self._summary = Summary()
        self._noted = Noted()
        self._total = sources.total(found)
        self._done_bytes = 0
        self._began = time.monotonic()

    def run(self) -> Summary:
        """Import everything, or what can be until somebody interrupts."""
        summary = self._summary
        self._progress.begin("Importing messages sent", self._total)
        try:
            for source in self._found:
                self._import(source)
                self._done_bytes += source.size or 0
        except KeyboardInterrupt:
            summary.was_interrupted = True
        self._commit()
        summary.files = self._noted.files
        summary.recognised = self._noted.recognised
        summary.problems = self._noted.problems
        summary.seconds = time.monotonic() - self._began
        return summary

    def _import(self, source: sources.Source) -> None:
        """Import one file, as far as it can be read."""
        last = 0
        before = self._done_bytes
        try:
            with sources.opened(source) as opened:
                content = content_of(
                    opened.read,
                    self._asked.columns,
                    lambda line, size: self._noted.problem(
                        f"{source.name}:{line}: {size:,} bytes, too long for a line"
                    ),
                )
                packed = f", {opened.packing}" if opened.packing else ""
                self._noted.kinds[content.kind + packed] += 1
                self._progress.say(f"{source.name}: {content}{packed}")
                for record, read in self._checked(content):
                    self._take(source.name, record, read)
                    last = record.line
                    if self._batch.is_full:
                        self._done_bytes = before + opened.taken()
                        self._commit()
        except sources.UnusableError as error:
            after = f" after line {last:,}" if last else ""
            self._noted.problem(f"{source.name}{after}: {error}")
        self._done_bytes = before

    def _checked(self, content: Content) -> Iterator[tuple[Record, "_Read"]]:
        """Read the records; see first that this is a log of messages at all.

        Raises:
            UnusableError: All records at the beginning are wrong.
        """
        pairs = (
            (record, _read(record, self._asked.zone)) for record in content.records
        )
        head: list[tuple[Record, _Read]] = []
        for pair in pairs:
            head.append(pair)
            if not isinstance(pair[1], str):
                break
            if len(head) == _WRONG_AT_FIRST:
                break
        if head and content.kind != EMPTY and isinstance(head[-1][1], str):
            record, problem = head[0]
            raise sources.UnusableError(
                f"none of its first {len(head):,} records is a message; line "
                f"{record.line}: {problem}"
            )
        return chain(head, pairs)

    def _take(self, file: str, record: Record, read: "_Read") -> None:
        summary = self._summary
        if read is None:
            summary.received += 1
        elif isinstance(read, str):
            summary.unreadable += 1
            if len(summary.places) < _PLACES_NAMED:
                summary.places.append(f"{file}:{record.line}: {read}")
            self._batch.add_unreadable(file, record, read)
        elif self._kept_from is not None and read.sent_at.date() < self._kept_from:
            summary.too_old += len(read.destinations)
        else:
            summary.messages += len(read.destinations)
            self._batch.add(file, record.line, read)

    def _commit(self) -> None:
        rows = self._batch.take()
        if len(rows):
            added = self._held.add(rows)
            self._summary.imported += added.messages
            self._summary.unreadable_kept += added.unreadable
        seconds = time.monotonic() - self._began
        rate = self._summary.messages / seconds if seconds else 0
        words = f"{self._summary.messages:,} messages, {rate:,.0f} a second"
        self._progress.show(self._done_bytes, self._total, words)


# A message, or what is wrong; None for one that was received.
_Read = sent.Message | str | None


def _read(record: Record, zone: tzinfo) -> _Read:
    if record.values is None:
        return record.problem or "cannot be read"
    try:
        return sent.read(record.values, zone)
    except sent.SenselessError as error:
        return str(error)
