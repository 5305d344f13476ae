"""What was told of the messages that were sent: each row in has its reason."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from streams.settings import ConfigurationError
from streams.warehouse import choice, promises, queries, reports, snapshot
from streams.warehouse.connection import connect_over
from streams.warehouse.output import Format
from streams.warehouse.period import EVERYTHING, Period
from tests.sql.archive import NOON, Archive, Row, callback, cell, sent, utc, warehouse
from tests.sql.reported import failed, only, report

HOUR = timedelta(hours=1)
DAY = Period(NOON - 12 * HOUR, NOON + 12 * HOUR)
# The provider has no time left to tell of what was sent at noon.
OVER = NOON + 97 * HOUR


def counted(archive: Archive, *minutes: datetime) -> None:
    """Count an event at each of these minutes: callbacks were kept then."""
    archive.add_counts([cell(1, window_start=minute) for minute in minutes])


def told(offset: int, message_id: str, **changed: Any) -> Row:  # noqa: ANN401 - any column
    """Make a callback of a message that was sent five seconds before noon."""
    return callback(offset, message_id=message_id, **changed)


def standings(archive: Archive, columns: str = "message_id, standing") -> list[Any]:
    """Read the view of messages sent, in the order of their ids."""
    order = "order by message_id, destination"
    return utc(archive.rows(f"select {columns} from sent_messages {order}"))


def test_each_standing_has_its_message(archive: Archive) -> None:
    """Answered in each way, on its way, told of otherwise, lost in silence."""
    archive.add_callbacks(
        [
            told(0, "delivered"),
            told(1, "read", event_type="message-read"),
            told(2, "failed", **failed(4720)),
            told(3, "given up", **failed(9902)),
            told(4, "on its way", event_type="message-sent"),
            told(5, "told of", event_type="message-elsewhere"),
            told(6, "resolved", **failed(4720)),
            told(7, "resolved", received_at=NOON + HOUR),
            told(8, "answered to", direction="in", event_type="message-received"),
        ]
    )
    counted(archive, NOON - HOUR, OVER)
    names = ("delivered", "read", "failed", "given up", "on its way", "told of")
    others = ("resolved", "answered to", "lost")
    archive.add_sent([sent(name) for name in (*names, *others)])

    columns = "message_id, standing, outcome, error_code, final_at, events, is_settled"
    assert standings(archive, columns) == [
        ("answered to", "without_event", None, None, None, 0, True),
        ("delivered", "answered", "delivered", None, NOON, 1, True),
        ("failed", "answered", "failed", 4720, NOON, 1, True),
        ("given up", "answered", "unknown", 9902, NOON, 1, True),
        ("lost", "without_event", None, None, None, 0, True),
        ("on its way", "in_progress", None, None, None, 1, True),
        ("read", "answered", "delivered", None, NOON, 1, True),
        ("resolved", "answered", "delivered", None, NOON + HOUR, 2, True),
        ("told of", "in_progress", None, None, None, 1, True),
    ]


def test_a_message_is_found_by_id_and_number(archive: Archive) -> None:
    """One of a group by both; one to a single number by its id, however written."""
    archive.add_callbacks(
        [
            told(0, "group", destination="+14155550101"),
            told(1, "group", destination="14155550102", **failed(4720)),
            told(2, "alone", destination="+4915550100"),
            told(3, "other", destination="+14155550100"),
        ]
    )
    counted(archive, NOON - HOUR, OVER)
    group = [f"+1415555010{last}" for last in (1, 2, 3)]
    archive.add_sent(
        [
            *(sent("group", destination=number) for number in group),
            sent("alone", destination="+14915550100"),  # read as one of North America
            sent("lost"),
        ]
    )

    assert standings(archive, "message_id, standing, outcome") == [
        ("alone", "answered", "delivered"),
        ("group", "answered", "delivered"),
        ("group", "answered", "failed"),
        ("group", "without_event", None),
        ("lost", "without_event", None),
    ]


@pytest.mark.parametrize(
    ("minutes", "standing"),
    [
        pytest.param([-1, 96 * 60 + 59], "waiting", id="a minute too young"),
        pytest.param([-1, 97 * 60], "without_event", id="just over"),
        pytest.param([-7 * 24 * 60, 97 * 60], "without_event", id="a week before"),
        pytest.param([-7 * 24 * 60 - 1, 97 * 60], "not_recorded", id="longer before"),
        pytest.param([1, 97 * 60], "not_recorded", id="nothing was kept yet"),
        pytest.param([], "not_recorded", id="nothing is counted"),
    ],
)
def test_nobody_is_accused_early_or_without_a_record(
    archive: Archive, minutes: list[int], standing: str
) -> None:
    """97 hours have to be over, and callbacks to have been kept when it was sent."""
    if minutes:
        counted(archive, *(NOON + timedelta(minutes=n) for n in minutes))
    archive.add_sent([sent("quiet", sent_at=NOON)])

    assert standings(archive) == [("quiet", standing)]


def test_clocks_may_differ_by_a_day(archive: Archive) -> None:
    """At the edge of a period, and where the log has the time of another zone.

    No file is left out that has an event of them.
    """
    early, late = NOON - 20 * HOUR, NOON + 20 * HOUR
    for row in (
        told(0, "early", message_time=early, received_at=early),
        told(1, "late", message_time=late, received_at=late),
        told(2, "untimed", message_time=None, received_at=NOON + 96 * HOUR),
        told(3, "other", message_time=NOON, received_at=NOON),
    ):
        archive.add_callbacks([row])
    counted(archive, NOON - HOUR, OVER)
    archive.add_sent(
        [sent(name, sent_at=NOON) for name in ("early", "late", "untimed")]
    )
    minute = Period(NOON, NOON + timedelta(minutes=1))
    name = queries.shipped_queries()["reconciliation"]

    taken = snapshot.take(archive.data_dir)
    with connect_over(taken) as connection:
        reports.narrow(connection, taken, name, minute)
        (found,) = reports.run(connection, name, minute).values

    assert found[1:3] == (3, 3)


def test_reconciliation_has_every_part(archive: Archive) -> None:
    """Old and new messages, by country; what no log has is told apart."""
    archive.add_callbacks(
        [
            *(told(n, f"a{n}") for n in range(19)),
            told(19, "b", event_type="message-sent"),
            told(20, "unlisted"),
            told(21, "abroad", destination="+447700900123", destination_country="GB"),
            told(22, "in", direction="in", event_type="message-received"),
        ]
    )
    counted(archive, NOON - 24 * HOUR, OVER)
    archive.add_sent(
        [
            *(sent(f"a{n}") for n in range(19)),
            sent("b"),
            *(sent(f"lost{n}") for n in range(5)),
            sent("young", sent_at=OVER - HOUR),
            sent("old", sent_at=NOON - 25 * HOUR),
            sent("abroad", destination="+447700900123", destination_country="GB"),
        ]
    )

    found = report(archive, "reconciliation")

    assert only(
        found,
        *("country", "sent", "answered", "in_progress", "without_event", "waiting"),
        *("not_recorded", "settled", "silent_rate", "enough", "unlisted"),
    ) == [
        ("US", 27, 19, 1, 5, 1, 1, 25, 0.2, True, 1),
        ("GB", 1, 1, 0, 0, 0, 0, 1, 0.0, False, 0),
    ]
    assert 0 < found[0]["low"] < 0.2 < found[0]["high"] < 1


def test_groups_and_windows_are_those_asked_for(archive: Archive) -> None:
    """By application and sender, by day; the log's application, else the event's."""
    archive.add_callbacks([told(0, "a", application_id="orders")])
    counted(archive, NOON - 24 * HOUR, OVER + 24 * HOUR)
    archive.add_sent(
        [
            sent("a", application_id=None),
            sent("b", application_id="lost", sender="24365"),
            sent("c", application_id="lost", sender="24365", sent_at=NOON + 24 * HOUR),
        ]
    )

    by_both = report(archive, "reconciliation", by="application,sender")
    days = Period(EVERYTHING.since, EVERYTHING.until, timedelta(days=1))
    by_day = report(archive, "reconciliation", days, by="application")

    assert only(by_both, "application_id", "sender", "sent", "without_event") == [
        ("lost", "24365", 2, 2),
        ("orders", "+13035550199", 1, 0),
    ]
    midnight = NOON - 12 * HOUR
    assert only(by_day, "window_start", "application_id", "without_event") == [
        (midnight, "lost", 1),
        (midnight, "orders", 0),
        (midnight + 24 * HOUR, "lost", 1),
    ]
    chosen = choice.of({}, "carrier", None)
    with pytest.raises(ConfigurationError, match="has no groups by carrier; it has"):
        reports.named("reconciliation", chosen)


def test_the_list_names_what_was_lost(archive: Archive) -> None:
    """All that a provider's support asks for, the last first; filters apply."""
    counted(archive, NOON - 24 * HOUR, OVER)
    archive.add_sent(
        [
            sent("first", sent_at=NOON - HOUR, application_id="x", sender="24365"),
            sent("last", sent_at=NOON),
            sent("young", sent_at=OVER - HOUR),
            sent("abroad", sent_at=NOON - HOUR, destination_country="GB"),
        ]
    )

    found = report(archive, "messages_without_any_event", country=["US"])

    assert [tuple(row.values()) for row in found] == [
        (
            *("last", "+14155550100", "US", "United States", "+13035550199", "app"),
            *(NOON, 97 * 3600),
        ),
        (
            *("first", "+14155550100", "US", "United States", "24365", "x"),
            *(NOON - HOUR, 98 * 3600),
        ),
    ]
    name = "messages_without_any_event"
    for rows in (
        report(archive, name, application=["x"]),
        report(archive, name, sender=["24365"]),
    ):
        assert only(rows, "message_id") == [("first",)]


@pytest.mark.parametrize(
    ("sent_at", "said"),
    [
        pytest.param(None, "No log of messages sent was imported", id="nothing"),
        pytest.param(NOON - 240 * HOUR, "theirs are of 2026-04-24", id="another time"),
        pytest.param(NOON, "1 of 1 messages have no event yet", id="too young"),
        pytest.param(
            NOON - 11 * HOUR, "1 of 1 messages were sent before", id="too old"
        ),
    ],
)
def test_a_report_without_rows_says_why(
    archive: Archive,
    capsys: pytest.CaptureFixture[str],
    sent_at: datetime | None,
    said: str,
) -> None:
    """What to do where nothing was imported, and when to ask again."""
    archive.add_callbacks([told(0, "a")])
    counted(archive, NOON - HOUR, NOON)
    if sent_at is not None:
        archive.add_sent([sent("quiet", sent_at=sent_at)])

    name = "messages_without_any_event"
    reports.show(archive.data_dir, name, DAY, Format.JSON)

    printed = capsys.readouterr()
    assert printed.out == "[]\n"
    assert said in printed.err
    assert len(printed.err.splitlines()) == 1


def test_reconciliation_without_a_log_says_so(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its rows are of messages that no log has, and look like an answer."""
    archive.add_callbacks([told(0, "a")])
    counted(archive, NOON)

    reports.show(archive.data_dir, "reconciliation", DAY, Format.CSV)

    assert "No log of messages sent was imported" in capsys.readouterr().err


def test_an_incomplete_group_is_unlisted(archive: Archive) -> None:
    """A log that lacks one number of a group is not complete."""
    numbers = [f"+1415555010{last}" for last in (1, 2, 3)]
    archive.add_callbacks(
        [told(n, "group", destination=number) for n, number in enumerate(numbers)]
    )
    counted(archive, NOON - HOUR, OVER)
    archive.add_sent([sent("group", destination=number) for number in numbers[:2]])

    (row,) = report(archive, "reconciliation")

    assert (row["sent"], row["answered"], row["unlisted"]) == (2, 2, 1)


def test_a_lost_row_breaks_a_promise(archive: Archive) -> None:
    """A message that is in the table twice is found by the check."""
    archive.add_sent([sent("twice"), sent("twice")])

    with warehouse(archive) as connection:
        (found,) = promises.failing_rows(
            connection,
            queries.shipped_queries()["sent"],
            "unique message_id, destination",
        )
    assert '"twice"' in found
