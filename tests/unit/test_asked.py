"""What a URL asks: read with care, refused in one sentence that names the parameter."""

from datetime import UTC, datetime

import pytest

from streams.core.rate_query import Filter, Query
from streams.monitor.asked import BadParameterError, parse

NOW = datetime(2026, 5, 4, 12, 3, 30, tzinfo=UTC)
MINUTE_OF_NOON = int(datetime(2026, 5, 4, 12, tzinfo=UTC).timestamp()) // 60


def asked(*given: tuple[str, str]) -> Query:
    """Read a query as of the same time."""
    return parse(given, NOW)


def test_without_parameters_the_last_hour_is_meant() -> None:
    """Rounded to whole minutes, both ends outwards."""
    assert asked() == Query(MINUTE_OF_NOON - 57, MINUTE_OF_NOON + 4)


def test_since_is_an_hour_before_until_when_not_given() -> None:
    """However long ago that is."""
    assert asked(("until", "2026-05-04T12:00Z")) == Query(
        MINUTE_OF_NOON - 60, MINUTE_OF_NOON
    )


@pytest.mark.parametrize(
    "since",
    [
        "2026-05-04T11:42:00Z",
        "2026-05-04T13:42:00+02:00",
        "2026-05-04T13:42:00 02:00",
        "2026-05-04 11:42:59.123456789",
        "20260504T114210Z",
        "21m",
    ],
)
def test_period_is_rounded_outwards_to_the_window(since: str) -> None:
    """Any precision and zone; a plus that became a blank is a plus."""
    query = asked(("since", since), ("window", "5m"))

    assert (query.since, query.until) == (MINUTE_OF_NOON - 20, MINUTE_OF_NOON + 5)


def test_everything_is_read() -> None:
    """Dimensions in any order and spelling of the list; filters again and again."""
    query = asked(
        ("by", "error_code, country"),
        ("by", "carrier"),
        ("country", "MX"),
        ("country", ""),
        ("error_code", "4770"),
        ("error_code", ""),
        ("carrier", "AT&T, Inc."),
        ("outcome", "failed"),
        ("top", "5"),
        ("compare", "7d"),
        ("window", "1d"),
    )

    assert query.by == ("country", "carrier", "error_code")
    assert query.filters == (
        Filter("country", frozenset({"MX", None, ""})),
        Filter("carrier", frozenset({"AT&T, Inc."})),
        Filter("outcome", frozenset({"failed"})),
        Filter("error_code", frozenset({4770, None})),
    )
    assert (query.top, query.compare, query.window) == (5, 7 * 1_440, 1_440)


@pytest.mark.parametrize(
    ("given", "begins"),
    [
        ([("begin", "1h")], "Parameter 'begin' is not known: use since, until,"),
        ([("since", "yesterday")], "since yesterday is no time: give ISO 8601"),
        ([("since", "1h"), ("until", "2h")], "since 1h is not before until 2h"),
        ([("since", "1900-01-01")], "since 1900-01-01 is outside of the years"),
        ([("until", "x")], "until x is no time"),
        ([("window", "90s")], "window 90s is not usable: give whole minutes"),
        ([("window", "0m")], "window 0m is not usable"),
        ([("window", "99999999w")], "window 99999999w is longer than all time"),
        ([("since", "1h"), ("since", "2h")], "since is given more than once"),
        ([("by", "country,city")], "by cannot be 'city': use any of country,"),
        ([("country", "mx")], "country cannot be 'mx': give two capital letters"),
        ([("error_code", "4770.5")], "error_code cannot be '4770.5': give a whole"),
        ([("error_code", "99999999999")], "error_code cannot be '99999999999'"),
        ([("error_code", "2147483648")], "error_code cannot be '2147483648'"),
        ([("error_code", "\u0661")], "error_code cannot be"),
        ([("outcome", "lost")], "outcome cannot be 'lost': use one of delivered,"),
        ([("outcome", "")], "outcome cannot be ''"),
        ([("sender_type", "x")], "sender_type cannot be 'x': use one of toll_free"),
        ([("outcome", "read")], "outcome=read has no column of its own: add by="),
        ([("top", "0")], "top cannot be '0': give a whole number from 1 to"),
        ([("top", "\u0661")], "top cannot be"),
        ([("top", "9" * 200)], "top cannot be"),
        ([("compare", "90s")], "compare cannot be '90s': say how much earlier"),
        ([("compare", "99999d")], "compare cannot be '99999d'"),
        ([("compare", "0m")], "compare cannot be '0m'"),
        ([("carrier", "x" * 301)], "carrier is longer than 300 characters"),
        ([("channel", str(k)) for k in range(101)], "channel is given 101 times"),
    ],
)
def test_what_is_not_usable_is_named(given: list[tuple[str, str]], begins: str) -> None:
    """One sentence: which parameter, and what to give instead."""
    with pytest.raises(BadParameterError) as refusal:
        asked(*given)

    sentence = str(refusal.value)
    assert sentence.startswith(begins)
    assert sentence.endswith(".")
    assert len(sentence) < 400


def test_events_that_never_finish_are_counted_by_outcome() -> None:
    """With outcome among the dimensions there is a row for them."""
    query = asked(("by", "outcome"), ("outcome", "read"), ("outcome", "inbound"))

    assert query.outcomes == frozenset[str | int | None]({"read", "inbound"})
