"""Periods: what --since, --until and --window mean."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.settings import ConfigurationError
from streams.warehouse.period import EARLIEST, LATEST, Period, of

NOW = datetime(2026, 5, 4, 12, 34, 56, 789, tzinfo=UTC)
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    """Read a time, UTC."""
    return datetime.fromisoformat(f"{text}+00:00")


def test_default_is_the_last_day() -> None:
    """From the minute a day ago to the end of the current one."""
    assert of(None, None, None, NOW) == Period(
        at("2026-05-03T12:34"), at("2026-05-04T12:35")
    )


def test_default_start_is_a_day_before_the_end() -> None:
    """An end alone asks for the day before it."""
    assert of(None, "2026-02-01", None, NOW) == Period(
        at("2026-01-31T00:00"), at("2026-02-01T00:00")
    )


def test_all_is_everything() -> None:
    """All means all, also what a wrong clock would place after now."""
    assert of("all", None, None, NOW) == Period(EARLIEST, LATEST)
    assert of("all", "2026", None, NOW).until == at("2026-01-01T00:00")


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("2026", "2026-01-01T00:00"),
        ("2026-03", "2026-03-01T00:00"),
        ("2026-05-04", "2026-05-04T00:00"),
        ("2026-05-04T10", "2026-05-04T10:00"),
        ("2026-05-04T10:11", "2026-05-04T10:11"),
        ("2026-05-04 10:11:12", "2026-05-04T10:11"),
        ("2026-05-04T10:11:12.123456789Z", "2026-05-04T10:11"),
        ("2026-05-04T10:11:00+02:00", "2026-05-04T08:11"),
        ("2026-05-04T10:11-05:30", "2026-05-04T15:41"),
        ("20260504T1011Z", "2026-05-04T10:11"),
        ("90s", "2026-05-04T12:33"),
        ("30m", "2026-05-04T12:04"),
        ("24h", "2026-05-03T12:34"),
        ("7d", "2026-04-27T12:34"),
        ("2w", "2026-04-20T12:34"),
    ],
)
def test_start_is_iso_8601_or_how_long_ago(text: str, since: str) -> None:
    """Any precision and zone; without a zone it is UTC."""
    assert of(text, "2026-06-01", None, NOW).since == at(since)


@pytest.mark.parametrize(
    ("window", "period"),
    [
        pytest.param("5m", ("2026-05-04T10:10", "2026-05-04T12:25"), id="5 minutes"),
        pytest.param("1h", ("2026-05-04T10:00", "2026-05-04T13:00"), id="hour"),
        pytest.param("1d", ("2026-05-04T00:00", "2026-05-05T00:00"), id="day"),
        pytest.param("1w", ("2026-05-04T00:00", "2026-05-11T00:00"), id="from Monday"),
    ],
)
def test_period_is_widened_to_whole_windows(
    window: str, period: tuple[str, str]
) -> None:
    """The start goes down and the end up, so the outer windows are whole."""
    asked = of("2026-05-04T10:14:30", "2026-05-04T12:21", window, NOW)

    assert (asked.since, asked.until) == (at(period[0]), at(period[1]))


def test_whole_windows_stay() -> None:
    """A period of whole windows is not widened."""
    asked = of("2026-05-04T10:00", "2026-05-04T12:00", "1h", NOW)

    assert asked == Period(
        at("2026-05-04T10:00"), at("2026-05-04T12:00"), timedelta(hours=1)
    )


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(1, 10_000),
)
def test_period_holds_what_was_asked_for(since: datetime, minutes: int) -> None:
    """For any start and window: never less, and less than a window more."""
    window = timedelta(minutes=minutes)
    until = since + timedelta(hours=1)
    asked = of(since.isoformat(), until.isoformat(), f"{minutes}m", NOW)

    assert since - window < asked.since <= since
    assert until <= asked.until < until + window
    assert (asked.until - asked.since) % window == timedelta(0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("soon", None, None), "--since soon is no time"),
        (("2026-02-30", None, None), "--since 2026-02-30 is no time"),
        (("2026-13", None, None), "--since 2026-13 is no time"),
        (("", None, None), "--since  is no time"),
        (("999999999w", None, None), "--since 999999999w is no time"),
        (("1h", "yesterday", None), "--until yesterday is no time"),
        (("1h", "all", None), "--until all is no time"),
        (("0001-01-01T00:00+14:00", None, None), "--since 0001-01-01T00:00"),
        (("1969-12-31", None, None), "outside of the years"),
        (("1h", "9999-12-31", None), "outside of the years"),
        (("1h", "2h", None), "the period is empty"),
        (("2026-05-04", "2026-05-04", None), "the period is empty"),
        (("1h", None, "soon"), "--window soon is not usable"),
        (("1h", None, "0m"), "--window 0m is not usable"),
        (("1h", None, "90s"), "--window 90s is not usable"),
        (("1h", None, "-5m"), "--window -5m is not usable"),
        (("1h", None, "999999999w"), "--window 999999999w is not usable"),
    ],
)
def test_unusable_value_names_its_option(
    options: tuple[str | None, str | None, str | None], said: str
) -> None:
    """One sentence says which option, what it was, and what it may be."""
    with pytest.raises(ConfigurationError, match=said):
        of(*options, NOW)


def test_window_of_seconds_may_be_whole_minutes() -> None:
    """Two minutes are 120 seconds, however they are written."""
    assert of("1h", None, "120s", NOW).window == timedelta(minutes=2)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_sentence(text: str) -> None:
    """Whatever is typed, the answer is a period or an error for people."""
    try:
        period = of(text, None, None, NOW)
    except ConfigurationError as error:
        assert "--since" in str(error)  # noqa: PT017 - either answer is right
    else:
        assert period.since < period.until
