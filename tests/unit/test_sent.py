"""One line of a log of messages sent: read where it is certain, refused where not."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core import sent, telephone
from tests.strategies import json_values

AT = datetime(2026, 5, 4, 10, tzinfo=UTC)
LINE = {
    "message_id": "m1",
    "destination": "+12065550100",
    "sent_at": "2026-05-04T10:00:00Z",
}


def read(**changed: Any) -> sent.Message | None:  # noqa: ANN401 - as JSON has it
    """Read a good line with some values changed."""
    return sent.read({**LINE, **changed})


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+12065550100", "+12065550100"),
        ("+1 206 555 0100", "+12065550100"),
        ("12065550100", "+12065550100"),
        ("tel:+1-206-555-0100;ext=7", "+12065550100"),
        ("(206) 555-0100", "+12065550100"),
        ("206.555.0100", "+12065550100"),
        ("'+12065550100", "+12065550100"),
        ("12065550100.0", "+12065550100"),
        ("\u202a+1\u00a0206\u2011555\u20110100\u202c", "+12065550100"),
        ("0044 7700 900123", "+447700900123"),
        ("011 44 7700 900123", "+447700900123"),
        ("+44 (0)7700 900123", "+447700900123"),
        ("447700900123", "+447700900123"),
        ("24365", "24365"),
    ],
)
def test_number_is_brought_into_the_form_of_callbacks(
    written: str, number: str
) -> None:
    """However people and programs write it."""
    assert telephone.normal(written) == number


@pytest.mark.parametrize(
    "written",
    [
        *("", "+", "nobody", "07911 123456", "555-0100", "1.2E+10", "12", "=1+1"),
        *("+1234567890123456", "+0123456789", "\u0661" * 11),
    ],
)
def test_what_names_no_country_is_no_number(written: str) -> None:
    """A guess would put a message to somebody's account who never got it."""
    assert telephone.normal(written) is None


@given(st.text(max_size=20) | st.from_regex(r"\+?[0-9 ().-]{0,18}", fullmatch=True))
def test_a_normal_number_is_its_own_normal_form(text: str) -> None:
    """Whatever is read once is read the same again."""
    number = telephone.normal(text)

    assert number is None or telephone.normal(number) == number


def test_line_is_read_whole() -> None:
    """Blanks are trimmed, names of senders stay, absent values are none."""
    assert read(message_id=" m1 ", sender=" Lumen Shop ", application_id="") == (
        sent.Message("m1", ("+12065550100",), AT, "Lumen Shop", None)
    )
    assert read(sender="1 (844) 555-0163", application_id="app") == (
        sent.Message("m1", ("+12065550100",), AT, "+18445550163", "app")
    )


@pytest.mark.parametrize(
    "to",
    [
        ["+12065550100", "+1 206 555 0101", "12065550100"],
        [12065550100, 12065550101],
        "+12065550100;+12065550101",
        '["+12065550100", "+12065550101"]',
        "{+12065550100,+12065550101}",
        "'+12065550100' | '+12065550101'",
    ],
)
def test_group_is_one_message_a_number(to: object) -> None:
    """An array, a list in a cell, or a column of a database; each number once."""
    found = read(destination=to)

    assert found is not None
    assert found.destinations == ("+12065550100", "+12065550101")


@pytest.mark.parametrize(
    "written",
    [
        *("2026-05-04T10:00:00Z", "2026-05-04 10:00:00", "2026-05-04T10:00"),
        *("2026-05-04T12:00:00+02:00", "2026-05-04 10:00:00+00"),
        *("2026-05-04 10:00:00.000 UTC", "1777888800", "1777888800000", 1777888800.0),
    ],
)
def test_time_is_read_in_any_usual_form(written: object) -> None:
    """With and without zone, and as Unix time in seconds or milliseconds."""
    found = read(sent_at=written)

    assert found is not None
    assert found.sent_at == AT


def test_time_without_a_zone_is_of_the_zone_asked_for() -> None:
    """A zone that is written wins."""
    zone = ZoneInfo("America/New_York")
    local = sent.read({**LINE, "sent_at": "2026-05-04 06:00:00"}, zone)
    exact = sent.read({**LINE, "sent_at": "2026-05-04T10:00:00Z"}, zone)

    assert local == exact == read()


@pytest.mark.parametrize("direction", ["in", "INBOUND", " Received "])
def test_what_came_in_was_not_sent(direction: str) -> None:
    """The provider's list of messages has both."""
    assert read(direction=direction, destination=None) is None


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"message_id": None}, "message_id: missing"),
        ({"message_id": "  "}, "message_id: missing"),
        ({"message_id": ["m1"]}, "message_id: ['m1'] is no text"),
        ({"message_id": "m" * 600}, "message_id: 600 characters, no id is so long"),
        ({"message_id": "m\udc80"}, "message_id: 'm\\udc80' has characters that"),
        ({"destination": ""}, "destination: missing"),
        ({"destination": []}, "destination: missing"),
        ({"destination": "+1206;nobody"}, "destination: '+1206' is no telephone"),
        ({"destination": {"to": 1}}, "destination: {'to': 1} is no telephone number"),
        ({"sent_at": None}, "sent_at: missing"),
        ({"sent_at": "05/04/2026 10:00"}, "sent_at: '05/04/2026 10:00' is no time"),
        ({"sent_at": "2026-05-04"}, "sent_at: '2026-05-04' is no time"),
        ({"sent_at": "2026-02-30T10:00:00Z"}, "sent_at: '2026-02-30T10:00:00Z' is no"),
        ({"sent_at": "1969-12-31T23:59:59Z"}, "sent_at: '1969-12-31T23:59:59Z' is no"),
    ],
)
def test_what_makes_no_sense_is_named(changed: dict[str, Any], problem: str) -> None:
    """The field, its value, and why."""
    with pytest.raises(sent.SenselessError) as error:
        read(**changed)

    assert str(error.value).startswith(problem)


@given(st.dictionaries(st.sampled_from([*sent.NAMES]), json_values | st.text()))
def test_any_values_are_read_or_refused(values: dict[str, object]) -> None:
    """Nothing else happens, and what is read has all that a message needs."""
    problem = ""
    found = None
    try:
        found = sent.read(values)
    except sent.SenselessError as error:
        problem = str(error)

    assert not problem or problem.partition(":")[0] in sent.NAMES
    assert found is None or (found.message_id and found.destinations)


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        pytest.param(
            ["messageId", "sourceTn", "destinationTn", "receiveTime", "messageStatus"],
            {
                "message_id": "messageId",
                "destination": "destinationTn",
                "sent_at": "receiveTime",
                "sender": "sourceTn",
            },
            id="the provider's list of messages",
        ),
        pytest.param(
            ["id", "owner", "applicationId", "time", "direction", "to", "from"],
            {
                "message_id": "id",
                "destination": "to",
                "sent_at": "time",
                "sender": "from",
                "application_id": "applicationId",
                "direction": "direction",
            },
            id="the answer to a message that is sent",
        ),
        pytest.param(
            ["ID", "Message ID", "To", "Sent At"],
            {"message_id": "Message ID", "destination": "To", "sent_at": "Sent At"},
            id="the more exact name",
        ),
    ],
)
def test_columns_are_recognised(names: list[str], columns: dict[str, str]) -> None:
    """By their names, capitals and signs aside."""
    assert sent.columns_of(names, {}) == columns


def test_a_column_that_is_named_wins() -> None:
    """Also where another one would be recognised."""
    found = sent.columns_of(["id", "uid", "to", "time"], {"message_id": "uid"})

    assert found["message_id"] == "uid"


def test_keys_tell_apart_what_joins_to_the_same() -> None:
    """Message 1 to 23 is not message 12 to 3, nor a line with these bytes."""
    assert len({sent.key("1", "23"), sent.key("12", "3")}) == 2
    assert sent.key_of_unreadable(b"1:1:23") != sent.key("1", "23")
