"""Staging views: rows in, rows out, on real Delta tables and a real DuckDB."""

from datetime import timedelta

import pytest

from tests.sql.archive import (
    LOG,
    NOON,
    Archive,
    at,
    callback,
    outcomes_in_sql,
    parked,
    sender_types_in_sql,
    utc,
)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        pytest.param(
            {"owner": None, "recipients": None},
            ("+13035550199", ["+14155550100"]),
            id="left out because it is the usual",
        ),
        pytest.param({"owner": "", "recipients": []}, (None, None), id="was not sent"),
        pytest.param(
            {"owner": "+1", "recipients": ["+2", "+3"]}, ("+1", ["+2", "+3"]), id="sent"
        ),
        pytest.param(
            {"sender": None, "destination": None}, (None, None), id="nothing to fill in"
        ),
    ],
)
def test_callbacks_fill_in_owner_and_recipients(
    archive: Archive,
    stored: dict[str, object],
    shown: tuple[str | None, list[str] | None],
) -> None:
    """What the files leave out is there; what was not sent is null."""
    archive.add_callbacks([callback(0, **stored)])

    assert archive.rows("select owner, recipients from callbacks") == [shown]


def test_events_are_readable_and_no_copies(archive: Archive) -> None:
    """A copy and a parked row are callbacks, not events."""
    archive.add_callbacks([callback(0), callback(1, is_copy=True), parked(2)])

    assert archive.rows("select kafka_offset from events") == [(0,)]
    assert archive.rows("select count(*) from callbacks") == [(3,)]


def test_outcome_is_decided_by_type_then_code(archive: Archive) -> None:
    """The code decides where the table has it; a type that is not there is other."""
    pairs: list[tuple[str, int | None]] = [
        ("message-delivered", None),
        ("message-failed", 4770),
        ("message-failed", None),
        ("message-failed", 9902),
        ("message-failed", 902),
        ("message-delivered", 9902),
        ("message-sending", None),
        ("message-read", None),
        ("message-received", None),
        ("message-teleported", 9902),
    ]

    assert outcomes_in_sql(archive.data_dir, pairs) == [
        "delivered",
        "failed",
        "failed",
        "unknown",
        "unknown",
        "delivered",
        "in_progress",
        "read",
        "inbound",
        "other",
    ]


def test_sender_type_is_the_first_pattern_that_matches_all_of_it(
    archive: Archive,
) -> None:
    """Toll-free before long code; a name is alphanumeric; no sender has no type."""
    senders = [
        "+18005550199",
        "8885550199",
        "12345",
        "+13035550199",
        "Shop 24",
        None,
        "",
    ]

    assert sender_types_in_sql(archive.data_dir, senders) == [
        "toll_free",
        "long_code",
        "short_code",
        "long_code",
        "alphanumeric",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("event_time", "counted_at"),
    [
        pytest.param(at("11:00:00"), at("11:00:00"), id="late: at its own time"),
        pytest.param(at("12:05:00"), at("12:05:00"), id="five minutes ahead"),
        pytest.param(at("12:05:00.000001"), NOON, id="a microsecond more"),
        pytest.param(None, NOON, id="no time"),
    ],
)
def test_event_of_a_wrong_clock_is_counted_when_received(
    archive: Archive, event_time: object, counted_at: object
) -> None:
    """More than five minutes ahead of the record's timestamp cannot be."""
    archive.add_callbacks([callback(0, event_time=event_time)])

    assert utc(archive.rows("select counted_at from events")) == [(counted_at,)]


def test_redelivery_names_the_latest_earlier_event_it_repeats(
    archive: Archive,
) -> None:
    """Offsets 5 and 6 repeat 3, which after a long pause was new again, not 0."""
    same = {"message_id": "m", "error_code": 4770, "event_type": "message-failed"}
    archive.add_callbacks(
        [
            callback(0, **same),
            callback(1, **same, is_copy=True, received_at=NOON + timedelta(seconds=9)),
            callback(3, **same),
            # Other events: another code, another type, another partition.
            callback(4, **same | {"error_code": 4432}),
            callback(4, kafka_index=1, **same | {"event_type": "message-sending"}),
            callback(4, kafka_partition=1, **same),
            callback(5, **same, is_copy=True),
            callback(6, **same, is_copy=True),
            callback(7, **same),  # later than the copies
        ]
    )

    assert archive.rows(
        "select kafka_offset, event_offset, seconds_later from redeliveries order by 1"
    ) == [(1, 0, 9.0), (5, 3, 0.0), (6, 3, 0.0)]


def test_redelivery_matches_fields_that_are_null(archive: Archive) -> None:
    """Two callbacks without channel, code and destination are of one identity."""
    same = {"message_id": "m", "channel": None, "destination": None}
    archive.add_callbacks([callback(0, **same), callback(1, **same, is_copy=True)])

    assert archive.rows("select kafka_offset, event_offset from redeliveries") == [
        (1, 0)
    ]


def test_redelivery_may_repeat_an_event_of_the_logs_earlier_life(
    archive: Archive,
) -> None:
    """A life begun anew goes on with the memory of the one before; another log not."""
    archive.add_callbacks([callback(9, message_id="m")])
    archive.add_callbacks(
        [callback(3, message_id="m", log_id=f"{LOG}~1", is_copy=True)]
    )
    archive.add_callbacks([callback(10, message_id="m", log_id="b", is_copy=True)])

    assert archive.rows(
        "select log_id, kafka_offset, event_log_id, event_offset from redeliveries"
        " order by log_id"
    ) == [(f"{LOG}~1", 3, LOG, 9), ("b", 10, None, None)]


def test_redelivery_of_several_in_one_record_counts_the_place_in_it(
    archive: Archive,
) -> None:
    """An array may carry the same event twice: the second repeats the first."""
    archive.add_callbacks(
        [
            callback(0, message_id="m", kafka_index=0),
            callback(0, message_id="m", kafka_index=1, is_copy=True),
        ]
    )

    assert archive.rows("select kafka_index, event_index from redeliveries") == [(1, 0)]


def test_dead_letter_is_gone_when_a_row_repairs_it(archive: Archive) -> None:
    """Of three parked rows, one was repaired, one was sent again as bad as before."""
    archive.add_callbacks(
        [
            parked(0),
            parked(1),
            parked(2),
            callback(3, source="resend", origin=f"{LOG}/0/1/0"),
            parked(4, source="resend", origin=f"{LOG}/0/2/0"),
            callback(5, source="import", origin="callbacks.ndjson:7"),
        ]
    )

    assert archive.rows(
        "select place, problem, raw from dead_letters order by place"
    ) == [
        (f"{LOG}/0/0/0", "[0].message.id: missing", b"[{}]"),
        (f"{LOG}/0/4/0", "[0].message.id: missing", b"[{}]"),
    ]
