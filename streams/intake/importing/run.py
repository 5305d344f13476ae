"""An import from its beginning to its end."""

import time
from collections.abc import Iterator, Sequence

from streams.archive import known, site
from streams.archive.table import CommitFailedOrUnknownError
from streams.intake.importing import catching_up, sources
from streams.intake.importing.batches import batches
from streams.intake.importing.formats import Kind, Lines, content_of
from streams.intake.importing.gathering import Gatherer
from streams.intake.importing.noted import Noted
from streams.intake.importing.progress import ProgressShown
from streams.intake.importing.sending import Sender
from streams.intake.importing.summary import Summary
from streams.settings import ConfigurationError, Settings
from streams.topics import Log


def run(
    settings: Settings, bootstrap_servers: str, log: Log, paths: Sequence[str]
) -> Summary:
    """Import files; return when Kafka has acknowledged everything.

    Args:
        settings: Data folder, and the workers' consumer group.
        bootstrap_servers: host:port[,host:port].
        log: The log of topic callbacks.
        paths: Files, folders, or ``-`` for standard input.

    Raises:
        ConfigurationError: A path is not there, or Kafka or the worker do not answer.
    """
    found = sources.find(paths)
    with ProgressShown() as progress:
        has = _known(settings, bootstrap_servers, log, progress)
        progress.begin("Importing", sources.total(found))
        with Sender(bootstrap_servers, progress.say) as sender:
            return _Import(found, progress, sender, log.partitions, has).run()


def _known(
    settings: Settings, bootstrap_servers: str, log: Log, progress: ProgressShown
) -> known.Known:
    """Wait until the archive has what the topic has; read what it has."""
    missing_first = 0

    def behind(missing: int) -> None:
        nonlocal missing_first
        if not missing_first:
            missing_first = missing
            progress.say(
                f"{missing:,} records of the topic are not in the archive yet; waiting "
                f"for the worker."
            )
        words = f"{missing:,} records to go"
        progress.show(missing_first - missing, missing_first, words)

    def read(done: int, total: int) -> None:
        progress.show(done, total, f"{done:,} of {total:,} rows")

    try:
        progress.begin("Waiting for the archive", None)
        table = catching_up.wait(settings, bootstrap_servers, log, behind)
        if table is None:
            return known.nothing()
        progress.begin("Reading the archive", None)
        has = known.read(table, read)
    except (CommitFailedOrUnknownError, OSError) as error:
        raise ConfigurationError(
            f"The archive in {site.of(settings)} cannot be read ({error}): nothing is "
            f"imported without knowing what it has."
        ) from error
    progress.say(f"The archive has {len(has.events):,} events, which are left out.")
    return has


class _Import:
    """Files on their way into Kafka."""

    def __init__(
        self,
        found: Sequence[sources.Source],
        progress: ProgressShown,
        sender: Sender,
        partitions: int,
        has: known.Known,
    ) -> None:
        self._found = found
        self._progress = progress
        self._sender = sender
        self._gatherer = Gatherer(partitions, has, sender.put, self._too_long)
        self._noted = Noted()
        self._total = sources.total(found)
        self._done_bytes = 0

    def run(self) -> Summary:
        """Import everything, or what can be until somebody interrupts."""
        began = time.monotonic()
        was_interrupted = False
        try:
            for batch in batches(self._lines()):
                self._gatherer.add(batch)
                self._show(time.monotonic() - began)
            self._gatherer.flush()
        except KeyboardInterrupt:
            was_interrupted = True
        self._sender.finish()
        summary = self._summary()
        summary.seconds = time.monotonic() - began
        summary.was_interrupted = was_interrupted
        return summary

    def _lines(self) -> Iterator[tuple[str, Lines]]:
        """Yield what all files have, one after the other; note what cannot be read."""
        for source in self._found:
            try:
                yield from self._lines_of(source)
            except sources.UnusableError as error:
                self._noted.problem(f"{source.name}: {error}")
            self._done_bytes += source.size or 0

    def _lines_of(self, source: sources.Source) -> Iterator[tuple[str, Lines]]:
        before = self._done_bytes
        with sources.opened(source) as opened:
            content = content_of(
                opened.read,
                lambda line, size: self._too_long(f"{source.name}:{line}", size),
            )
            packed = f", {opened.packing}" if opened.packing else ""
            self._noted.kinds[content.kind + packed] += 1
            if len(self._found) == 1 or content.kind not in {Kind.BODY, Kind.EMPTY}:
                self._progress.say(f"{source.name}: {content.kind}{packed}")
            last = 0
            try:
                for lines in content.lines:
                    yield source.name, lines
                    last = lines.first + len(lines.bodies) - 1
                    self._done_bytes = before + opened.taken()
            except sources.UnusableError as error:
                after = f"after line {last:,}: " if last else ""
                raise sources.UnusableError(f"{after}{error}") from error
        self._done_bytes = before

    def _show(self, seconds: float) -> None:
        callbacks = self._gatherer.counts.callbacks
        rate = callbacks / seconds if seconds else 0
        words = f"{callbacks:,} callbacks, {rate:,.0f} a second"
        self._progress.show(self._done_bytes, self._total, words)

    def _too_long(self, place: str, size: int) -> None:
        self._noted.problem(
            f"{place}: {size:,} bytes, longer than a record can be; left out"
        )

    def _summary(self) -> Summary:
        counts = self._gatherer.counts
        return Summary(
            files=self._noted.files,
            recognised=self._noted.recognised,
            callbacks=counts.callbacks,
            already_archived=counts.already_archived,
            parked=counts.parked,
            already_parked=counts.already_parked,
            sent=self._sender.acknowledged,
            places=counts.places,
            problems=self._noted.problems,
        )
