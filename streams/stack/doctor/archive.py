"""Checks of the archive: it can be read, and it goes with Kafka's log."""

from collections.abc import Iterable
from datetime import timedelta

from streams.stack.doctor.facts import DUE_AFTER, Facts, Offsets
from streams.stack.doctor.finding import Finding, not_checked, well, wrong
from streams.stack.doctor.kafka import NO_KAFKA, NO_TOPICS
from streams.warehouse import losses
from streams.warehouse import positions as warehouse
from streams.warehouse.snapshot import TableSnapshot

# Counts are written every counts_seconds: so many of them are time enough.
_COUNTS_DUE_AFTER = 3
# As long as Kafka keeps records: until then somebody may not have seen it yet.
_GAPS_SHOWN = timedelta(days=7)
NO_ARCHIVE = "the archive cannot be opened"


def callbacks(facts: Facts) -> Finding:
    """Can table callbacks be read?"""
    if facts.archive is None:
        return wrong(
            "table callbacks",
            facts.archive_problem or NO_ARCHIVE,
            "start a worker: it takes back what a power failure has torn",
        )
    return _table(facts.archive.callbacks)


def window_counts(facts: Facts) -> Finding:
    """Can table window_counts be read?"""
    if facts.archive is None:
        return not_checked("table window_counts", NO_ARCHIVE)
    return _table(facts.archive.window_counts)


def _table(table: TableSnapshot) -> Finding:
    name = f"table {table.name}"
    if table.table is None:
        return well(name, "is not there yet: a worker makes it")
    files = table.files()
    if missing := table.missing():
        return wrong(
            name,
            f"{len(missing):,} of {len(files):,} files are gone, such as {missing[0]}",
            "start a worker: it takes back what a power failure has torn; if it "
            "refuses, restore them from a backup",
        )
    return well(name, f"version {table.table.version()}, {len(files):,} files")


def positions(facts: Facts) -> Finding:
    """Does the archive go with Kafka's log, and does it keep up?"""
    if reason := _why_not(facts):
        return not_checked("positions", reason)
    offsets, archived = _offsets(facts), _archived(facts)
    beyond = [p for p, at in archived.items() if at > offsets.end[p]]
    lost = {p: n for p, at in archived.items() if (n := offsets.begin[p] - at) > 0}
    behind = sum(offsets.end[p] - at for p, at in archived.items())
    overdue = sum(max(0, offsets.due[p] - at) for p, at in archived.items())
    if beyond:
        return wrong(
            "positions",
            f"Kafka's log ends before the archive does in {_named(beyond)}: Kafka has "
            f"lost records that are archived",
            "restore Kafka's log, or go on with what it has by `undelivered work "
            "--accept-log-loss`; no worker goes on by itself",
        )
    if lost:
        return wrong(
            "positions",
            f"Kafka has deleted {sum(lost.values()):,} records of {_named(lost)} that "
            f"were not archived",
            "keep a worker running, or raise retention.ms of topic callbacks",
        )
    if overdue:
        return wrong(
            "positions",
            f"{behind:,} records are not archived yet, {overdue:,} of them older than "
            f"{DUE_AFTER.total_seconds():.0f} s",
            "start a worker, or more of them",
        )
    return well("positions", f"the archive is {behind:,} records behind Kafka's log")


def gaps(facts: Facts) -> Finding:
    """Has Kafka deleted records lately before they were archived?"""
    if facts.archive is None:
        return not_checked("gaps", NO_ARCHIVE)
    found = losses.of(facts.archive)
    if not found:
        return well("gaps", "every record was archived before Kafka deleted it")
    latest = max(loss.noticed_at for loss in found)
    lost = (
        f"{sum(loss.offsets for loss in found):,} offsets of "
        f"{_named({loss.partition for loss in found})} were lost, noticed last "
        f"{latest:%Y-%m-%d %H:%M} UTC"
    )
    if facts.now - latest > _GAPS_SHOWN:
        return well("gaps", f"none lately; {lost}")
    return wrong(
        "gaps",
        f"{lost}: Kafka had deleted them before they were archived",
        "keep a worker running, or raise retention.ms of topic callbacks; `undelivered "
        "check` names them",
    )


def counts(facts: Facts) -> Finding:
    """Does table window_counts go with table callbacks, and does it keep up?"""
    if reason := _why_not(facts):
        return not_checked("counts", reason)
    archived, counted = _archived(facts), _counted(facts)
    ahead = [p for p, at in counted.items() if at > archived[p]]
    if ahead:
        return wrong(
            "counts",
            f"table window_counts counts records of {_named(ahead)} that are not "
            f"archived",
            "restore table callbacks; `undelivered check` names the records",
        )
    assert facts.archive is not None  # noqa: S101 - else nothing is compared
    if any(table.missing() for table in facts.archive.tables):
        return not_checked("counts", "files of the archive are gone")
    if overdue := _overdue(facts):
        return wrong(
            "counts",
            f"{overdue:,} archived callbacks are not counted yet and were received "
            f"more than {_counts_due(facts).total_seconds():.0f} s ago: reports lack "
            f"them",
            "a worker that catches up counts them within a minute; if none runs, start "
            "one, if one does, look into its log and start it again",
        )
    behind = sum(archived.values()) - sum(counted.values())
    return well("counts", f"{behind:,} archived records are not counted yet")


def _overdue(facts: Facts) -> int:
    """Count the callbacks that are not counted and had time enough to be."""
    assert facts.archive is not None  # noqa: S101 - else nothing is compared
    before = facts.now - _counts_due(facts)
    return warehouse.not_counted(facts.archive, _life(facts), before)


def _counts_due(facts: Facts) -> timedelta:
    return timedelta(seconds=_COUNTS_DUE_AFTER * facts.settings.counts_seconds)


def _why_not(facts: Facts) -> str | None:
    """Return why positions cannot be compared, or None."""
    if facts.kafka is None:
        return NO_KAFKA
    if facts.kafka.log is None:
        return NO_TOPICS
    return NO_ARCHIVE if facts.archive is None else None


def _offsets(facts: Facts) -> Offsets:
    assert facts.kafka is not None  # noqa: S101 - else nothing is compared
    assert facts.kafka.offsets is not None  # noqa: S101
    return facts.kafka.offsets


def _archived(facts: Facts) -> dict[int, int]:
    assert facts.archive is not None  # noqa: S101
    return _positions(facts, facts.archive.callbacks)


def _counted(facts: Facts) -> dict[int, int]:
    assert facts.archive is not None  # noqa: S101
    return _positions(facts, facts.archive.window_counts)


def _positions(facts: Facts, table: TableSnapshot) -> dict[int, int]:
    assert facts.kafka is not None  # noqa: S101
    assert facts.kafka.log is not None  # noqa: S101
    return table.positions(_life(facts), facts.kafka.log.partitions)


def _life(facts: Facts) -> str:
    """Return the newest life of Kafka's log that the archive has callbacks of."""
    assert facts.archive is not None  # noqa: S101
    assert facts.kafka is not None  # noqa: S101
    assert facts.kafka.log is not None  # noqa: S101
    log = facts.kafka.log
    return facts.archive.callbacks.newest_life(log.log_id, log.partitions)


def _named(partitions: Iterable[int]) -> str:
    numbers = sorted(partitions)
    noun = "partition" if len(numbers) == 1 else "partitions"
    return f"{noun} {', '.join(map(str, numbers))}"
