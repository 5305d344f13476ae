"""What has to hold after every step, worked out in the plainest way."""

from collections import Counter

from tests.protocol.world import Log, Row, World

_GENERATION_US = 13 * 3_600 * 1_000_000
_GENERATIONS_BEFORE = 2


class BrokenError(AssertionError):
    """The two tables are not what they have to be."""


def require(condition: object, what: str, *found: object) -> None:
    """Fail with words unless a condition holds."""
    if not condition:
        raise BrokenError(f"{what}: {found}")


def check(world: World) -> None:
    """Compare both tables with the logs.

    Raises:
        BrokenError: A record is missing, or there twice, or marked or counted wrongly.
    """
    sums = world.sums()
    expected: Counter[tuple[str, int, int]] = Counter()
    for log in world.logs:
        for partition in range(len(log.end)):
            name = world.rules.transaction_id(log.log_id, partition)
            rows = [
                row
                for row in world.callbacks.rows
                if (row.log_id, row.partition) == (log.log_id, partition)
            ]
            rows.sort(key=lambda row: (row.offset, row.index))
            archived = world.callbacks.positions.get(name, 0)
            counted = world.window_counts.positions.get(name, 0)
            require(counted <= archived, "Q beyond P", counted, archived)
            _check_prefix(log, partition, rows, archived)
            _check_copies(rows)
            expected.update(
                (row.log_id, row.partition, row.identity)
                for row in rows
                if row.offset < counted and row.identity and not row.is_copy
            )
    require(sums == expected, "counts", sums, expected)


def check_complete(world: World) -> None:
    """After everything has come to rest: nothing is missing.

    Raises:
        BrokenError: A record of the log, or its count, is not in the tables.
    """
    check(world)
    log = world.log
    for partition, records in enumerate(log.records):
        name = world.rules.transaction_id(log.log_id, partition)
        archived = world.callbacks.positions.get(name, 0)
        counted = world.window_counts.positions.get(name, 0)
        last = max(records, default=-1)
        is_left = last >= log.begin[partition]
        require(not is_left or archived > last, "not archived", archived, last)
        require(counted == archived, "not counted", counted, archived)


def _check_prefix(log: Log, partition: int, rows: list[Row], archived: int) -> None:
    found = [(row.offset, row.index) for row in rows]
    require(len(set(found)) == len(found), "a record is there twice", found)
    require(all(o < archived for o, _ in found), "a row beyond P", found, archived)
    records = log.records[partition]
    there = {offset for offset, _ in found}
    wanted = {offset for offset in records if offset < archived}
    missing = wanted - there - log.lost[partition]
    require(not missing, "records are missing", missing, archived)
    of_the_log = [
        (offset, index, records[offset].received_us, number)
        for offset in sorted(there & records.keys())
        for index, number in enumerate(records[offset].identities)
    ]
    as_archived = [(r.offset, r.index, r.received_us, r.identity) for r in rows]
    require(as_archived == of_the_log, "other rows than the log's", as_archived)


def _check_copies(rows: list[Row]) -> None:
    """A copy is what was seen as an event in this generation or the two before it."""
    log_time_us = 0
    seen: dict[int, int] = {}
    for row in rows:
        log_time_us = max(log_time_us, row.received_us)
        generation = log_time_us // _GENERATION_US
        first = seen.get(row.identity, -99)
        is_copy = row.identity != 0 and first >= generation - _GENERATIONS_BEFORE
        require(row.is_copy == is_copy, "marked wrongly", row)
        if not is_copy:
            seen[row.identity] = generation
