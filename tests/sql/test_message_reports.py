"""Reports over messages and events, row by row: each row in has its reason."""

from datetime import timedelta
from typing import Any

import pytest

from streams.warehouse.period import Period
from tests.sql.archive import NOON, Archive, Row, at, callback, parked
from tests.sql.reported import add, failed, only, report, seconds

HOUR = timedelta(hours=1)
DAY = Period(NOON - 12 * HOUR, NOON + 12 * HOUR)


def _sent(offset: int, after: float = 5, **changed: Any) -> Row:  # noqa: ANN401 - any column
    """Make a callback of its own message, sent at noon, told so many seconds later."""
    told = NOON + seconds(after)
    times = {"message_time": NOON, "event_time": told, "received_at": told}
    return callback(offset, **{**times, "received_date": told.date(), **changed})


# --- time_to_receipt ------------------------------------------------------------------


def test_time_to_receipt_is_of_receipts_alone(archive: Archive) -> None:
    """Messages on their way, without a receipt or without a send time do not wait."""
    ee: Row = {"carrier_name": "EE", "destination_country": "GB"}
    add(
        archive,
        [
            *(_sent(n, after=n + 1, **ee) for n in range(100)),
            _sent(100, after=7, **failed(4720)),  # another route: a receipt too
            _sent(101, after=9, **failed(9902)),  # the provider's wait, no receipt
            _sent(102, event_type="message-sent"),  # on its way
            _sent(103, message_time=None),  # nobody knows since when
            _sent(104, after=-3, carrier_name="Three"),  # clocks differ: 0
        ],
    )

    assert only(
        report(archive, "time_to_receipt", DAY),
        *("country", "country_name", "carrier", "messages", "p50", "p90", "p99"),
        *("longest", "enough"),
    ) == [
        ("GB", "United Kingdom", "EE", 100, 50.0, 90.0, 99.0, 100.0, True),
        ("US", "United States", "Three", 1, 0.0, 0.0, 0.0, 0.0, False),
        ("US", "United States", None, 1, 7.0, 7.0, 7.0, 7.0, False),
    ]


# --- contradictory_outcomes -----------------------------------------------------------


def test_contradiction_is_told_as_a_story(archive: Archive) -> None:
    """Failed and delivered, or given up and delivered; to another person it is none."""
    both: Row = {"message_id": "both"}
    late: Row = {"message_id": "late", "carrier_name": "EE"}
    group: Row = {"message_id": "group"}
    add(
        archive,
        [
            _sent(0, after=2, **both, channel="RBM", **failed(4754)),
            _sent(1, after=9, **both, channel="SMS"),
            _sent(2, after=20, **late),
            _sent(3, after=10, **late, **failed(9902)),
            _sent(4, **group, destination="+14155550101"),
            _sent(5, **group, destination="+14155550102", **failed(4720)),
            _sent(6, message_id="twice", **failed(4720)),
            _sent(7, after=6, message_id="twice", **failed(4770)),
            _sent(8, message_id="sent", event_type="message-sent"),
            _sent(9, after=6, message_id="sent"),
        ],
    )

    assert only(
        report(archive, "contradictory_outcomes", DAY),
        *("message_id", "carrier", "story", "channels", "first_at", "last_at"),
    ) == [
        (
            *("late", "EE", "unknown 9902, then delivered", ["SMS"]),
            *(NOON + seconds(10), NOON + seconds(20)),
        ),
        (
            *("both", None, "failed 4754, then delivered", ["RBM", "SMS"]),
            *(NOON + seconds(2), NOON + seconds(9)),
        ),
    ]


# --- late_and_repeated ----------------------------------------------------------------


def test_lateness_has_steps_and_copies_are_apart(archive: Archive) -> None:
    """Each step holds its start and not its end; imports and wrong clocks are apart."""
    late = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 172_799, 172_800]
    rows = [callback(n, event_time=NOON - seconds(lag)) for n, lag in enumerate(late)]
    rows += [
        callback(20, event_time=NOON - seconds(30), is_copy=True, message_id="m0"),
        callback(21, event_time=NOON - seconds(90), is_copy=True, message_id="m2"),
        callback(22, event_time=NOON - timedelta(days=900), source="import"),
        callback(23, event_time=None),
        callback(24, event_time=NOON + timedelta(minutes=6)),
        callback(25, event_time=NOON + timedelta(minutes=5)),  # within what clocks do
        parked(26),
    ]
    add(archive, rows)

    found = report(archive, "late_and_repeated", DAY)

    assert only(found, "late", "events", "copies", "longest") == [
        ("under a minute", 3, 1, 59.0),
        ("a minute to an hour", 2, 1, 3_599.0),
        ("an hour to a day", 2, 0, 86_399.0),
        ("a day to two", 2, 0, 172_799.0),
        ("two days and more", 1, 0, 172_800.0),
        ("imported", 1, 0, 900 * 86_400.0),
        ("no usable time", 2, 0, None),
    ]
    assert sum(row["share"] for row in found) == pytest.approx(1)


# --- dead_letters_by_reason -----------------------------------------------------------


def test_dead_letters_are_gathered_by_reason(archive: Archive) -> None:
    """Indexes, line and column differ from one to the next; the reason is the same."""
    comma = "message.to[{}]: not JSON, trailing comma in array (line {}, column 9)"
    archive.add_callbacks(
        [
            parked(0, problem="[0]." + comma.format(1, 13)),
            parked(1, problem="[3]." + comma.format(7, 2), received_at=at("13:00:00")),
            parked(2, problem="empty body", source="import"),
            parked(3, problem="empty body", source="import"),  # repaired below
            callback(4, source="resend", origin="a-log/0/3/0"),
        ]
    )

    assert only(
        report(archive, "dead_letters_by_reason", DAY),
        *("reason", "source", "callbacks", "first_received_at", "last_received_at"),
        "place",
    ) == [
        (
            *("message.to: not JSON, trailing comma in array", "http", 2),
            *(NOON, at("13:00:00"), "a-log/0/1/0"),
        ),
        ("empty body", "import", 1, NOON, NOON, "a-log/0/2/0"),
    ]


def test_repair_after_the_period_counts(archive: Archive) -> None:
    """A dead letter of the morning that was resent in the evening is dead no more."""
    archive.add_callbacks([parked(0)])
    evening = at("20:00:00")
    archive.add_callbacks([callback(1, received_at=evening, origin="a-log/0/0/0")])

    assert report(archive, "dead_letters_by_reason", Period(NOON, NOON + HOUR)) == []


# --- stop_sending ---------------------------------------------------------------------


def test_numbers_to_stop_sending_to(archive: Archive) -> None:
    """Opt-outs bind one sender; a number that got something later can receive."""
    dead, alive, out = "+14155550101", "+14155550102", "+14155550103"
    shop: Row = {"sender": "24365"}
    add(
        archive,
        [
            _sent(0, destination=dead, **failed(4720)),
            _sent(1, after=9, destination=dead, **failed(4721)),
            _sent(2, destination=alive, **failed(4720)),
            _sent(3, after=60, destination=alive),  # delivered later
            _sent(4, destination=out, **shop, **failed(4775)),
            _sent(5, after=60, destination=out),  # delivered, from another sender
            _sent(6, destination=out, sender="Lumen", **failed(4475)),
            _sent(7, after=60, destination=out, sender="Lumen"),  # opted in again
            _sent(8, destination="+14155550104", **failed(4702)),  # off, for now
            _sent(9, destination="+14155550105", **failed(4750)),  # no reason given
            _sent(10, destination=None, **failed(4720)),  # nowhere
        ],
    )

    assert only(
        report(archive, "stop_sending", DAY),
        *("destination", "only_from", "reason", "error_code", "events"),
        *("first_at", "last_at"),
    ) == [
        (out, "24365", "opted out", 4775, 1, NOON + seconds(5), NOON + seconds(5)),
        (dead, None, "cannot receive", 4721, 2, NOON + seconds(5), NOON + seconds(9)),
    ]


# --- retry_advice, messages_to_send_again ---------------------------------------------


def test_failed_messages_have_a_retry_class(archive: Archive) -> None:
    """A message counts once, by what decided; one that arrived after all does not."""
    add(
        archive,
        [
            _sent(0, segment_count=3, **failed(5600)),
            _sent(1, **failed(None)),  # no code: once
            _sent(2, **failed(4785)),
            _sent(3, **failed(4720)),
            _sent(4, **failed(4770)),
            _sent(5, **failed(9902)),
            _sent(6, message_id="again", **failed(5106)),
            _sent(7, after=9, message_id="again"),  # delivered by the provider itself
            _sent(8, message_id="m2", after=9, event_type="message-sent"),
        ],
    )
    found = report(archive, "retry_advice", DAY)
    listed = report(archive, "messages_to_send_again", DAY)

    assert only(
        found, "retry_class", "may_be_sent_again", "messages", "segments", "codes"
    ) == [
        ("backoff", True, 1, 1, [4785]),
        ("once", True, 2, 4, [5600, None]),
        ("after-fix", False, 1, 1, [4770]),
        ("unknown-dup-risk", False, 1, 1, [9902]),
        ("no", False, 1, 1, [4720]),
    ]
    assert sum(row["share"] for row in found) == pytest.approx(1)
    assert only(listed, "message_id", "error_code", "retry_class", "failed_at") == [
        ("m2", 4785, "backoff", NOON + seconds(5)),
        ("m0", 5600, "once", NOON + seconds(5)),
        ("m1", None, "once", NOON + seconds(5)),
    ]


# --- evidence -------------------------------------------------------------------------


def test_evidence_names_what_support_asks_for(archive: Archive) -> None:
    """Failed and given up, of the carrier and the codes asked for; no copies."""
    ee: Row = {"carrier_name": "EE", "destination_country": "GB"}
    add(
        archive,
        [
            _sent(0, **ee, description="spam", **failed(4770)),
            _sent(1, after=9, **ee, **failed(9902)),
            _sent(2, **ee),  # delivered
            _sent(3, **ee, **failed(4720)),  # another code
            _sent(4, carrier_name="O2", **failed(4770)),  # another carrier
            _sent(5, **ee, **failed(4770), message_id="m0", is_copy=True),
        ],
    )
    found = report(archive, "evidence", DAY, carrier=["EE"], error_code=[4770, 9902])

    assert only(found, "message_id", "error_code", "description", "event_time") == [
        ("m1", 9902, None, NOON + seconds(9)),
        ("m0", 4770, "spam", NOON + seconds(5)),
    ]
    assert only(found, "sent_at", "sender", "destination", "carrier", "country")[1] == (
        *(NOON, "+13035550199", "+14155550100", "EE", "GB"),
    )


# --- delivery_by_cohort ---------------------------------------------------------------


def _cohorts(archive: Archive) -> None:
    """Add a tracked application with 20 messages at ten, and some at noon."""
    ten = at("10:00:00")
    rows = []
    for n in range(20):
        sent = {"message_time": ten, "message_id": f"a{n}", "application_id": "codes"}
        rows.append(callback(n, **sent, event_type="message-sent", event_time=ten))
        if n < 15:  # 15 of 20 had their answer within two minutes, one just so
            answered = ten + seconds(120 if n == 0 else 40)
            rows.append(callback(100 + n, **sent, event_time=answered))
        elif n < 18:  # three more within an hour
            rows.append(callback(100 + n, **sent, event_time=ten + seconds(3_000)))
    noon = {"message_time": NOON, "application_id": "codes"}
    rows += [
        callback(200, **noon, event_type="message-sent", event_time=NOON),  # no answer
        callback(201, **noon, event_time=NOON + seconds(5)),
        callback(202, **noon, event_time=NOON + seconds(5), **failed(4720)),
        callback(203, **noon, event_time=NOON + seconds(9), **failed(9902)),
        # of an application that does not tell: known by its answer alone
        callback(204, message_time=NOON, event_time=NOON + seconds(5)),
    ]
    # An hour in which nobody tells of messages before their answer.
    rows.append(callback(300, message_time=at("11:00:00"), event_time=at("11:00:09")))
    as_of = at("13:02:30")  # noon's hour has been over for two and a half minutes
    rows.append(
        callback(400, message_time=as_of, received_at=as_of, application_id="codes")
    )
    add(archive, rows)


def test_cohort_says_what_is_not_answered_and_what_is_usual(archive: Archive) -> None:
    """Ages are compared: two minutes after the hour, 15 of 20 had an answer before."""
    _cohorts(archive)
    found = report(archive, "delivery_by_cohort", DAY)

    assert only(
        found,
        *("sent_hour", "messages", "delivered", "failed", "unknown", "pending"),
        *("tracked", "answered_share", "usual_share", "age_seconds", "is_running"),
    ) == [
        # running, and nothing to compare with yet
        (at("13:00:00"), 1, 1, 0, 0, 0, 1, 1.0, None, None, True),
        (NOON, 5, 2, 1, 1, 1, 4, 0.75, 0.75, 120, False),
        # no application that tells of what it sent: not known
        (at("11:00:00"), 1, 1, 0, 0, None, 0, None, None, 3_600, False),
        # nothing before it says what is usual
        (at("10:00:00"), 20, 18, 0, 0, 2, 20, 0.9, None, 7_200, False),
    ]


def test_cohort_view_says_the_same(archive: Archive) -> None:
    """The mart has every hour; the report those of its period."""
    _cohorts(archive)
    found = report(archive, "delivery_by_cohort", Period(NOON, at("13:00:00")))
    (row,) = archive.rows(
        "select messages, pending, usual_share from delivery_by_send_hour"
        " where sent_hour = timestamptz '2026-05-04 12:00:00+00'"
    )

    assert only(found, "messages", "pending", "usual_share") == [row]
