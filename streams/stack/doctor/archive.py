"""Checks of the archive: it can be read, and it goes with Kafka's log."""

from collections.abc import Iterable
from pathlib import Path

from streams.stack.doctor.facts import DUE_AFTER, Facts, Offsets
from streams.stack.doctor.finding import Finding, not_checked, well, wrong
from streams.stack.doctor.kafka import NO_KAFKA, NO_TOPICS
from streams.warehouse.snapshot import TableSnapshot

NO_ARCHIVE = "the archive cannot be opened"


def callbacks(facts: Facts) -> Finding:
    """Can table callbacks be read?"""
    if facts.archive is None:
        return wrong("table callbacks", facts.archive_problem or NO_ARCHIVE)
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
    missing = [file for file in files if not Path(file).is_file()]
    if missing:
        return wrong(
            name,
            f"{len(missing):,} of {len(files):,} files are gone, such as {missing[0]}",
            "restore them from a backup",
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
            "restore Kafka's log; no worker goes on until somebody has looked",
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


def counts(facts: Facts) -> Finding:
    """Is table window_counts not ahead of table callbacks?"""
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
    behind = sum(archived.values()) - sum(counted.values())
    return well("counts", f"{behind:,} archived records are not counted yet")


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
    return table.positions(facts.kafka.log.log_id, facts.kafka.log.partitions)


def _named(partitions: Iterable[int]) -> str:
    numbers = sorted(partitions)
    noun = "partition" if len(numbers) == 1 else "partitions"
    return f"{noun} {', '.join(map(str, numbers))}"
