"""The check: silent on a whole archive, and it names what is wrong in another."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streams.archive import schema
from streams.warehouse import check, promises, queries, snapshot
from streams.warehouse.connection import connect
from streams.warehouse.positions import Counting
from streams.warehouse.snapshot import take
from tests.sql.archive import LOG, Archive, Row, at, callback, cell, parked

CODE = {"event_type": "message-failed", "error_code": 4770}


def whole() -> tuple[list[Row], list[Row]]:
    """Make callbacks and the counts of those below offset 5, by hand."""
    rows = [
        callback(0),
        callback(1, segment_count=None),
        callback(2, is_copy=True),
        parked(3),
        callback(4, **CODE, event_time=at("12:30:00"), carrier_name="AT&T"),
        callback(5),  # archived, not counted yet
        callback(0, kafka_partition=1, message_id="other", segment_count=3),
    ]
    counts = [
        cell(1, to_position=1),
        cell(1, segments=0, from_position=1, to_position=5),
        # 12:30 is too far ahead of its record: counted when it was received.
        cell(1, outcome="failed", error_code=4770, carrier="AT&T", to_position=5),
        cell(1, segments=3, kafka_partition=1, to_position=1),
    ]
    return rows, counts


def _filled(archive: Archive, rows: list[Row], counts: list[Row]) -> Archive:
    archive.add_callbacks(rows)
    archive.add_counts(counts)
    return archive


def test_whole_archive_has_nothing_wrong(archive: Archive) -> None:
    """Copies and parked rows are not counted, nor what is beyond the position."""
    result = check.run(_filled(archive, *whole()).data_dir)

    assert (result.findings, result.notes) == ((), ())
    assert result.counting == Counting(compared=4, not_counted=1)
    assert result.well.splitlines() == [
        "Nothing is wrong: every cell of the counts equals its recount.",
        "4 events compared; 1 archived event is not counted yet.",
    ]


def test_missing_archive_has_nothing_wrong(tmp_path: Path) -> None:
    """Nothing archived, nothing counted: both agree."""
    assert check.run(tmp_path) == ((), (), Counting(0, 0))


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        pytest.param({"events": 2}, '"events":2,"recounted_events":1', id="events"),
        pytest.param(
            {"segments": 9}, '"segments":9,"recounted_segments":1', id="segments"
        ),
    ],
)
def test_tampered_cell_is_named(
    archive: Archive, changed: dict[str, object], found: str
) -> None:
    """One cell that differs is one finding, with both numbers and its dimensions."""
    rows, counts = whole()
    counts[2] |= changed
    result = check.run(_filled(archive, rows, counts).data_dir)

    assert [finding.check for finding in result.findings] == [
        "window_counts_match_events"
    ]
    assert found in result.findings[0].found
    assert '"carrier":"AT&T"' in result.findings[0].found
    assert '"error_code":4770' in result.findings[0].found


def test_counts_in_a_wrong_dimension_are_two_findings(archive: Archive) -> None:
    """Counted for Jamaica, happened in the US: both cells differ."""
    rows, counts = whole()
    counts[2] |= {"country": "JM"}
    result = check.run(_filled(archive, rows, counts).data_dir)

    assert sorted('"country":"JM"' in f.found for f in result.findings) == [False, True]


def test_missing_increment_is_named(archive: Archive) -> None:
    """An event below the position that no cell counts."""
    rows, counts = whole()
    archive.add_callbacks(rows)
    archive.add_counts(counts[:2] + counts[3:], positions={0: 5, 1: 1})
    result = check.run(archive.data_dir)

    assert [finding.check for finding in result.findings] == [
        "window_counts_match_events"
    ]
    assert '"events":0,"recounted_events":1' in result.findings[0].found


def test_row_written_twice_is_named(archive: Archive) -> None:
    """The same place in the log twice: not unique, and counted once."""
    rows, counts = whole()
    _filled(archive, [*rows, rows[1]], counts)
    found = {(f.check, f.rule): f.found for f in check.run(archive.data_dir).findings}

    unique = "unique log_id, kafka_partition, kafka_offset, kafka_index"
    assert found["callbacks", unique] == (
        f'{{"log_id":"{LOG}","kafka_partition":0,"kafka_offset":1,"kafka_index":0,'
        f'"times":2}}'
    )
    assert "window_counts_match_events" in {name for name, _ in found}


def test_counts_ahead_of_the_archive_are_named(archive: Archive) -> None:
    """The position of window_counts is never beyond that of callbacks."""
    rows, counts = whole()
    archive.add_callbacks(rows[:3], positions={0: 3})
    archive.add_counts(counts[:2], positions={0: 5})
    result = check.run(archive.data_dir)

    assert [finding.check for finding in result.findings] == ["counts_are_not_ahead"]
    assert '"archived":3,"counted":5' in result.findings[0].found


def test_callback_beyond_its_position_is_named(archive: Archive) -> None:
    """Such a row would be taken in again after a restart."""
    archive.add_callbacks([callback(6), callback(7)], positions={0: 7})
    result = check.run(archive.data_dir)

    assert [finding.check for finding in result.findings] == [
        "callbacks_are_below_their_position"
    ]
    assert '"kafka_offset":7' in result.findings[0].found


def missing(archive: Archive) -> list[tuple[str, int, int, int]]:
    """Run the check and return the ranges of offsets that it misses."""
    names = ("log_id", "kafka_partition", "from_offset", "to_offset")
    found = check.run(archive.data_dir).findings
    assert {f.check for f in found} <= {"records_are_not_missing"}
    ranges = [json.loads(finding.found) for finding in found]
    assert all("records that the archive lacks" in each["meaning"] for each in ranges)
    return [tuple(each[name] for name in names) for each in ranges]


def test_records_without_a_row_are_named_as_ranges(archive: Archive) -> None:
    """From the first archived offset to the position; others by log and partition."""
    archive.add_callbacks(
        [
            callback(1000),
            parked(1001),
            callback(1001, kafka_index=1),
            callback(1003),
            callback(1007),
            callback(5, kafka_partition=1),
        ],
        positions={0: 1010, 1: 6},
    )
    archive.add_callbacks([callback(2, log_id=f"{LOG}~1")])

    assert missing(archive) == [
        (LOG, 0, 1002, 1002),
        (LOG, 0, 1004, 1006),
        (LOG, 0, 1008, 1009),
    ]


@pytest.mark.parametrize("has_checkpoint", [False, True])
def test_partition_without_any_row_is_missed(
    archive: Archive, *, has_checkpoint: bool
) -> None:
    """Positions are those of the transactions, wherever the table's log keeps them."""
    archive.move_callbacks({"lost-log/11": 3, "other-program": 5})
    archive.add_callbacks([callback(0)])
    if has_checkpoint:
        table = take(archive.data_dir).callbacks.table
        assert table is not None
        table.create_checkpoint()
        log = schema.callbacks_path(archive.data_dir) / "_delta_log"
        (log / f"{0:020d}.json").unlink()
        archive.move_callbacks({"later-log/2": 1})
    later = [("later-log", 2, 0, 0)] if has_checkpoint else []

    assert missing(archive) == [*later, ("lost-log", 11, 0, 2)]


def test_counts_of_a_log_without_rows_are_named(archive: Archive) -> None:
    """The position of window_counts is seen where no table has a row of the log."""
    archive.add_counts([cell(1, to_position=1)])
    archive.move_callbacks({"a-log/0": 0})
    result = check.run(archive.data_dir)

    assert "counts_are_not_ahead" in {finding.check for finding in result.findings}


def test_removed_file_is_named(archive: Archive) -> None:
    """A table that has lost a file cannot be counted; the file is named."""
    _filled(archive, *whole())
    file = Path(take(archive.data_dir).callbacks.files()[0])
    file.unlink()
    result = check.run(archive.data_dir)

    assert [(f.check, f.found) for f in result.findings] == [
        ("files_are_there", str(file))
    ]


def test_other_rules_versions_are_a_note_and_not_compared(archive: Archive) -> None:
    """What other rules counted is named, and is no fault."""
    rows, counts = whole()
    other = schema.RULES_VERSION + 1
    counts[3] |= {"rules_version": other, "events": 77}
    result = check.run(_filled(archive, rows, counts).data_dir)

    assert result.findings == ()
    assert result.counting == Counting(compared=3, not_counted=1)
    assert [f'"rules_version":{other}' in note for note in result.notes] == [True]
    assert '"events":77' in result.notes[0]


def test_other_rules_version_hides_no_other_partition(archive: Archive) -> None:
    """Only the minutes of the partition that other rules counted are left out."""
    rows, counts = whole()
    counts[3] |= {"rules_version": schema.RULES_VERSION + 1}
    counts[2] |= {"events": 2}
    result = check.run(_filled(archive, rows, counts).data_dir)

    assert ['"kafka_partition":0' in f.found for f in result.findings] == [True]


def test_promise_of_a_header_is_tested_on_every_row(archive: Archive) -> None:
    """A rule over columns: the row that breaks it is named."""
    archive.add_callbacks(
        [callback(0, received_date=at("00:00:00").date().replace(day=5))]
    )
    result = check.run(archive.data_dir)

    assert [(f.check, f.rule) for f in result.findings] == [
        ("callbacks", "received_date = received_at::date")
    ]


def test_counts_are_read_before_callbacks(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit of both tables between the two snapshots does not look like a fault."""
    _filled(archive, *whole())
    opened: list[str] = []
    real_open = snapshot._open  # noqa: SLF001

    def spied(name: str, *rest: Any) -> object:  # noqa: ANN401 - passed on
        opened.append(name)
        return real_open(name, *rest)

    monkeypatch.setattr(snapshot, "_open", spied)
    take(archive.data_dir)

    assert opened == ["window_counts", "callbacks", "gaps", "sent"]


def test_warehouse_stays_at_its_snapshot(archive: Archive) -> None:
    """What is committed later is seen by the next connection."""
    archive.add_callbacks([callback(0)])
    with connect(archive.data_dir) as connection:
        archive.add_callbacks([callback(1)])

        assert connection.execute("select count(*) from events").fetchall() == [(1,)]
    assert archive.rows("select count(*) from events") == [(2,)]


def _rule(rule: str) -> queries.Query:
    return replace(queries.shipped_queries()["overview"], checks=(rule,))


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("altogether sum(finished) = 5", []),
        ("altogether sum(finished) = 6", ['{"rows":1}']),
        ("altogether sum(finished) = (select sum(events) from events_there)", []),
        ("finished < 5", 1),
        ("unique finished", []),
    ],
)
def test_rules_of_a_report_are_tested(
    archive: Archive, rule: str, found: list[str] | int
) -> None:
    """A rule of rows names those that break it, one of sums how many rows there are."""
    archive.add_counts([cell(3), cell(2, country="GB")])
    with connect(archive.data_dir) as connection:
        connection.execute("create view events_there as select 5 as events")
        rows = list(promises.failing_rows(connection, _rule(rule), rule))

        assert (len(rows) if isinstance(found, int) else rows) == found
        assert connection.execute("show tables").fetchall().count(("checked",)) == 0


def test_report_that_lost_a_part_is_named(archive: Archive) -> None:
    """A report whose parts are not the whole breaks its promise."""
    archive.add_counts([cell(3), cell(2, country=None)])
    query = queries.shipped_queries()["failure_rates_by_country"]
    (rule,) = [rule for rule in query.checks if rule.startswith("altogether")]
    without_null = query.sql.replace("order by", "where rates.country <> '' order by")
    with connect(archive.data_dir) as connection:
        good = list(promises.failing_rows(connection, query, rule))
        bad = replace(query, sql=without_null)

        assert good == []
        assert list(promises.failing_rows(connection, bad, rule)) == ['{"rows":1}']


def test_lost_records_are_named_by_their_gap(archive: Archive) -> None:
    """A known loss is one: the check fails, and says nothing else about it."""
    archive.add_callbacks([callback(0), callback(4)])
    archive.add_gap(1, 3)
    found = check.run(archive.data_dir).findings

    assert [finding.check for finding in found] == ["records_lost_by_retention"]
    assert '"from_offset":1,"to_offset":3' in found[0].found


def test_gaps_can_be_asked_for(archive: Archive) -> None:
    """The view has each range with how many offsets it is; none at first."""
    assert archive.rows("from gaps") == []

    archive.add_gap(1, 3)

    assert archive.rows(
        "select log_id, kafka_partition, from_offset, to_offset, offsets from gaps"
    ) == [(LOG, 0, 1, 3, 3)]


@pytest.mark.parametrize(
    ("empty", "found"),
    [
        pytest.param(7, [], id="all are known to be empty"),
        pytest.param(6, [(LOG, 0, 3, 5), (LOG, 0, 7, 8)], id="one more is missing"),
    ],
)
def test_offsets_that_never_held_a_record_are_not_missing(
    archive: Archive, empty: int, found: list[tuple[str, int, int, int]]
) -> None:
    """Markers of transactions: how many there are is kept beside the position."""
    archive.add_callbacks([callback(2), callback(6)], positions={0: 9})
    archive.move_callbacks({f"{LOG}/0/empty": empty})

    assert missing(archive) == found


def test_a_life_begins_behind_what_an_earlier_one_had(archive: Archive) -> None:
    """What is below its first offset belongs to the life before."""
    archive.move_callbacks({f"{LOG}~1/0": 7, f"{LOG}~1/0/begin": 4})
    assert missing(archive) == [(f"{LOG}~1", 0, 4, 6)]

    archive.add_callbacks([callback(n, log_id=f"{LOG}~1") for n in (5, 6)])

    assert missing(archive) == [(f"{LOG}~1", 0, 4, 4)]


def test_reports_of_rows_are_tested_over_their_newest_day(archive: Archive) -> None:
    """Their rules name the period that is tested; older rows are not read for it."""
    archive.add_callbacks([callback(0), callback(1, received_at=at("13:30:00"))])
    query = queries.shipped_queries()["late_and_repeated"]
    newest = "altogether $since = '2026-05-03 14:00:00Z' and sum(events) = 2"
    with connect(archive.data_dir) as connection:
        files = connection.execute("select getvariable('callbacks_files')").fetchone()

        assert list(promises.failing_rows(connection, query, newest)) == []
        assert list(promises.failing_rows(connection, query, f"{newest} + 1")) != []
        assert (
            connection.execute("select getvariable('callbacks_files')").fetchone()
            == files
        )
