"""Marts: rows in, rows out."""

from datetime import timedelta

import pytest

from tests.sql.archive import NOON, Archive, at, callback, cell, utc

Event = tuple[str, int | None, int]


def _events(archive: Archive, events: list[Event]) -> None:
    """Archive events of one message: type, code, seconds after noon."""
    archive.add_callbacks(
        [
            callback(
                offset,
                message_id="m",
                event_type=f"message-{kind}",
                error_code=code,
                event_time=NOON + timedelta(seconds=second),
                message_time=NOON,
                received_at=NOON + timedelta(minutes=1),
            )
            for offset, (kind, code, second) in enumerate(events)
        ]
    )


@pytest.mark.parametrize(
    ("events", "outcome", "error_code", "seconds"),
    [
        pytest.param([("sending", None, 1)], "pending", None, None, id="no answer yet"),
        pytest.param([("delivered", None, 7)], "delivered", None, 7, id="delivered"),
        pytest.param(
            [("failed", 4770, 3), ("delivered", None, 9)],
            "delivered",
            None,
            9,
            id="failed, then delivered",
        ),
        pytest.param(
            [("failed", 9902, 3), ("failed", 4770, 8)],
            "failed",
            4770,
            8,
            id="a refusal says more than a missing receipt",
        ),
        pytest.param([("failed", 9902, 3)], "unknown", 9902, 3, id="no receipt came"),
        pytest.param(
            [("delivered", None, 9), ("delivered", None, 4)],
            "delivered",
            None,
            4,
            id="the earliest of the outcome that won",
        ),
        pytest.param(
            [("read", None, 4), ("delivered", None, 9)],
            "delivered",
            None,
            4,
            id="read was delivered",
        ),
    ],
)
def test_message_has_the_outcome_that_says_most(
    archive: Archive,
    events: list[Event],
    outcome: str,
    error_code: int | None,
    seconds: float | None,
) -> None:
    """Delivered or read beats failed, failed beats unknown, unknown beats pending."""
    _events(archive, events)

    assert archive.rows(
        "select outcome, error_code, seconds_to_final, events from messages"
    ) == [(outcome, error_code, seconds, len(events))]


def test_group_message_is_one_message_a_destination(archive: Archive) -> None:
    """All events of a group message carry one id; each destination has its own fate."""
    archive.add_callbacks(
        [
            callback(0, message_id="m", destination="+1"),
            callback(1, message_id="m", destination="+2", event_type="message-failed"),
        ]
    )

    assert archive.rows("select destination, outcome from messages order by 1") == [
        ("+1", "delivered"),
        ("+2", "failed"),
    ]


def test_messages_leave_out_what_was_not_sent(archive: Archive) -> None:
    """A received message and an unknown type have no delivery."""
    archive.add_callbacks(
        [
            callback(0, event_type="message-received"),
            callback(1, event_type="message-new"),
        ]
    )

    assert archive.rows("select * from messages") == []


def test_cell_is_the_sum_of_its_increments(archive: Archive) -> None:
    """Increments of two partitions, a later commit and null dimensions add up."""
    archive.add_counts([cell(2), cell(3, kafka_partition=1)])
    archive.add_counts([cell(4, segments=8), cell(1, country=None, carrier="AT&T")])
    archive.add_counts([cell(1, window_start=at("12:01:00"))])

    assert utc(
        archive.rows(
            "select window_start, country, carrier, events, segments"
            " from failure_rates_by_minute order by all nulls first"
        )
    ) == [
        (NOON, None, "AT&T", 1, 1),
        (NOON, "US", None, 9, 13),
        (at("12:01:00"), "US", None, 1, 1),
    ]


def test_every_code_that_was_counted_has_a_meaning(archive: Archive) -> None:
    """A code is explained by the table, by its three digits, by its range, or not."""
    seen = [4770, 770, 995, 4999, 12345, 1]
    archive.add_counts([cell(1, outcome="failed", error_code=code) for code in seen])

    assert archive.rows(
        "select error_code, known_by, category, fault from error_code_meanings"
        f" where error_code in {tuple(seen)} order by 1"
    ) == [
        (1, "smpp", "bandwidth-client", "sender-config"),
        (770, "smpp", "carrier-client", "sender-content"),
        (995, "range", "international", "unknown"),
        (4770, "table", "carrier-client", "sender-content"),
        (4999, "range", "bandwidth-client", "unknown"),
        (12345, "none", "unknown", "unknown"),
    ]
