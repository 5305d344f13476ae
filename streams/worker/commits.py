"""The commits of the two tables: what partitions gained, with their positions."""

from datetime import UTC, datetime

import pyarrow as pa

from streams.archive import schema
from streams.archive.table import ArchiveTable
from streams.core.lives import mark_name, not_over
from streams.core.positions import transaction_id
from streams.worker.partition import Cut, Gain, Partition

Tables = tuple[ArchiveTable, ArchiveTable]
# delta-rs writes batch by batch: of a thousand small ones it takes twice as long.
# Putting large ones together takes memory and gains nothing.
_SMALL_BATCH = 200


def commit_rows(both: Tables, cuts: list[Cut]) -> None:
    """Commit rows of partitions to table callbacks, with their positions."""
    before = {_name(cut.partition): cut.move.before for cut in cuts}
    after = {_name(cut.partition): cut.move.after for cut in cuts}
    for cut in cuts:
        log_id, number = cut.partition.log_id, cut.partition.number
        before |= not_over(log_id)
        after |= {mark_name(log_id, number, what): at for what, at in cut.marks.items()}
    rows = pa.concat_tables([cut.rows for cut in cuts])
    if rows["kafka_offset"].num_chunks * _SMALL_BATCH > len(rows):
        rows = rows.combine_chunks()
    both[0].commit(rows, before, after)


def commit_counts(both: Tables, gains: list[Gain]) -> None:
    """Commit counts of partitions from Q to P to table window_counts."""
    today = datetime.now(UTC).date()
    both[1].commit(
        pa.concat_tables([_counts_of(gain, today) for gain in gains]),
        {_name(gain.partition): gain.move.before for gain in gains},
        {_name(gain.partition): gain.move.after for gain in gains},
    )


def _counts_of(gain: Gain, committed_date: object) -> pa.Table:
    cells = gain.cells
    places = {
        "log_id": gain.partition.log_id,
        "kafka_partition": gain.partition.number,
        "from_position": gain.move.before,
        "to_position": gain.move.after,
        "committed_date": committed_date,
        "rules_version": schema.RULES_VERSION,
    }
    columns = {
        field.name: cells[field.name]
        if field.name in cells.column_names
        else pa.repeat(pa.scalar(places[field.name], field.type), len(cells))
        for field in schema.WINDOW_COUNTS
    }
    return pa.table(columns, schema=schema.WINDOW_COUNTS)


def _name(partition: Partition) -> str:
    return transaction_id(partition.log_id, partition.number)
