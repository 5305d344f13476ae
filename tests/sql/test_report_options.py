"""Options of reports: period, filters, groups; rows and counts say the same."""

from datetime import timedelta

import pytest

from streams.settings import ConfigurationError
from streams.warehouse import choice, queries, reports
from streams.warehouse.period import EVERYTHING, Period
from tests.sql.archive import NOON, Archive, at, callback, parked
from tests.sql.reported import add, failed, only, report

MINUTES = [at("11:59:00"), NOON, at("12:01:00")]
# What each report counts of the middle minute alone; of each minute there are one
# message that failed after it was delivered, one that failed, one without a receipt,
# and a callback that could not be read.
COUNTED = {
    "contradictory_outcomes": (None, 1),
    "dead_letters_by_reason": ("callbacks", 1),
    "delivery_by_cohort": ("messages", 3),
    "error_code_rates": ("events", 3),
    "evidence": (None, 3),
    "failure_rates": ("finished", 4),
    "failure_rates_by_application": ("finished", 4),
    "failure_rates_by_carrier": ("finished", 4),
    "failure_rates_by_channel": ("finished", 4),
    "failure_rates_by_country": ("finished", 4),
    "failure_rates_by_country_and_error_code": ("events", 3),
    "failure_rates_by_error_code": ("events", 3),
    "failure_rates_by_sender": ("finished", 4),
    "failure_rates_by_sender_type": ("finished", 4),
    "failure_rates_by_tag": ("finished", 4),
    "late_and_repeated": ("events", 4),
    "messages_to_send_again": (None, 1),
    "messages_without_any_event": (None, 0),  # too young
    "missing_receipts": ("unknown", 1),
    "new_error_codes": (None, 0),  # each code came before
    "overview": ("finished", 4),
    "reconciliation": ("unlisted", 3),
    "retry_advice": ("messages", 2),
    "stop_sending": ("events", 1),
    "time_to_receipt": ("messages", 2),
    "what_changed": (None, 0),  # the minute before was the same
    "who_is_at_fault": ("failed", 2),
}
REPORTS = [query.name for query in queries.of_kind("report")]


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Fill three minutes with the same; the tests only read it."""
    archive = Archive(tmp_path_factory.mktemp("minutes"))
    rows = []
    for number, minute in enumerate(MINUTES):
        first = number * 10
        when = {"received_at": minute, "event_time": minute, "message_time": minute}
        both = {"message_id": f"both{number}", "destination": "+14155550101"}
        rows += [
            callback(first, **when, **both),
            callback(first + 1, **when, **both, **failed(4720)),
            callback(first + 2, **when, **failed(5600)),
            callback(first + 3, **when, **failed(9902)),
            parked(first + 4, received_at=minute, received_date=minute.date()),
        ]
    add(archive, rows)
    return archive


@pytest.mark.parametrize("name", REPORTS)
def test_period_holds_its_start_and_not_its_end(minutes: Archive, name: str) -> None:
    """Of three minutes with the same events only the middle one is in the period."""
    column, expected = COUNTED[name]
    found = report(minutes, name, Period(NOON, at("12:01:00")))

    counted = len(found) if column is None else sum(row[column] for row in found)
    # A cohort is an hour: the two minutes after noon have one.
    assert counted == expected


def test_report_without_windows_refuses_them(minutes: Archive) -> None:
    """--window would be ignored, and its rows read as if they were of windows."""
    with pytest.raises(ConfigurationError, match="leave --window out"):
        report(minutes, "evidence", Period(NOON, at("12:01:00"), timedelta(minutes=1)))


@pytest.mark.parametrize(
    ("option", "values", "finished"),
    [
        pytest.param("country", ["GB"], 1, id="one country"),
        pytest.param("country", ["gb", "US"], 3, id="two, in any case"),
        pytest.param("application", ["shop"], 1, id="application"),
        pytest.param("carrier", ["EE"], 1, id="carrier"),
        pytest.param("carrier", [""], 3, id="carrier not sent"),
        pytest.param("sender", ["24365"], 1, id="sender"),
        pytest.param("tag", ["login"], 1, id="tag"),
        pytest.param("tag", [""], 3, id="no tag: absent or empty"),
        pytest.param("sender", ["'; drop table events; --"], 0, id="hostile text"),
    ],
)
@pytest.mark.parametrize("name", ["overview", "failure_rates_by_sender"])
def test_filter_keeps_what_it_names(
    archive: Archive, name: str, option: str, values: list[str], finished: int
) -> None:
    """By counts or by rows, a report is of the events asked for."""
    gb = {"destination_country": "GB", "carrier_name": "EE"}
    add(
        archive,
        [
            callback(0, **gb),
            callback(1, application_id="shop"),
            callback(2, sender="24365", tag="login"),
            callback(3, tag="", destination_country="FR"),
        ],
    )
    found = report(archive, name, EVERYTHING, **{option: values})

    assert sum(row["finished"] for row in found) == finished


@pytest.mark.parametrize(
    "by", ["country", "carrier,sender_type", "application,channel", "tag,sender"]
)
def test_groups_of_counts_and_of_rows_are_the_same(archive: Archive, by: str) -> None:
    """A filter that lets all through makes it read rows, and changes nothing."""
    add(
        archive,
        [
            callback(0, carrier_name="EE", tag="a"),
            callback(1, carrier_name="EE", sender="24365", tag="b", **failed(4770)),
            callback(2, channel=None, application_id="other", **failed(9902)),
            callback(3, is_copy=True, message_id="m2"),
        ],
    )
    by_counts = report(archive, "failure_rates", by=by)
    by_rows = report(archive, "failure_rates", by=by, tag=["a", "b", ""])

    assert by_counts == by_rows
    assert sum(row["finished"] for row in by_counts) == 3


def test_groups_name_their_columns_and_no_others(archive: Archive) -> None:
    """--by gives one row a pair that was there, and the code its own report."""
    add(
        archive,
        [
            callback(0, destination_country="GB", carrier_name="EE"),
            callback(1, destination_country="GB", carrier_name="EE", **failed(4770)),
            callback(2, destination_country="GB", **failed(4406)),
        ],
    )
    pairs = report(archive, "failure_rates", by="carrier,country")
    codes = report(archive, "failure_rates", by="country,error_code")

    assert only(pairs, "country", "carrier", "failed", "finished") == [
        ("GB", "EE", 1, 2),
        ("GB", None, 1, 1),
    ]
    assert {"tag", "sender", "channel"} & pairs[0].keys() == set()
    assert only(codes, "country", "error_code", "events", "finished") == [
        ("GB", 4406, 1, 3),
        ("GB", 4770, 1, 3),
    ]
    assert "carrier" not in codes[0]


@pytest.mark.parametrize(
    ("filters", "by", "against", "said"),
    [
        ({"country": ["UK"]}, None, None, "--country UK is no country"),
        ({}, "weather", None, "--by weather is no dimension"),
        ({}, None, "soon", "--against soon is not usable"),
        ({}, None, "0m", "--against 0m is not usable"),
    ],
)
def test_unusable_choice_is_named(
    filters: dict[str, list[str]], by: str | None, against: str | None, said: str
) -> None:
    """The sentence says which option, and what it takes."""
    with pytest.raises(ConfigurationError, match=said):
        choice.of(filters, by, against)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("dead_letters_by_reason", {"filters": {"country": ["GB"]}}, "--country"),
        ("new_error_codes", {"filters": {"tag": ["a"]}}, "--tag; it takes --country"),
        ("overview", {"by": "country"}, "does not take --by"),
        ("overview", {"against": "7d"}, "compares no periods"),
    ],
)
def test_option_that_a_report_ignored_would_lie(
    name: str, options: dict[str, object], said: str
) -> None:
    """An option that does not apply is refused, not left out in silence."""
    given = {"filters": {}, "by": None, "against": None} | options

    with pytest.raises(ConfigurationError, match=said):
        reports.named(name, choice.of(**given))  # type: ignore[arg-type]
