"""A report for people: words, bars, histories, narrow screens."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

from streams.core.rates import wilson
from streams.settings import ConfigurationError
from streams.warehouse import choice, page, queries, trend
from streams.warehouse.output import Format, as_parquet, fitting, people, pictures
from streams.warehouse.output import write as write_rows
from streams.warehouse.period import EVERYTHING, Period
from streams.warehouse.rows import Rows

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TIME = "TIMESTAMP WITH TIME ZONE"


def rows(columns: dict[str, str], *values: Sequence[Any]) -> Rows:
    """Make rows out of columns' names and types."""
    return Rows(tuple(columns), tuple(columns.values()), iter(values))


def words(columns: dict[str, str], *values: Sequence[Any]) -> list[list[Any]]:
    """Return names and cells as people read them."""
    found = people.for_people(rows(columns, *values))
    return [list(found.names), *(list(row) for row in found.values)]


# --- Pictures -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(0, ""), (0.001, "▏"), (0.25, "█"), (0.3125, "█▎"), (1, "████"), (1.5, "████")],
)
def test_bar_is_as_long_as_its_share(share: float, drawn: str) -> None:
    """What is above nothing is seen, and nothing is longer than the longest."""
    assert pictures.bar(share, 4) == drawn


def test_line_tells_nothing_from_no_data() -> None:
    """A window without traffic is blank, one without failures is low."""
    assert pictures.line([0.0, None, 0.01, 0.5, 1.0, 2.0], 1.0) == "▁ ▂▅██"


# --- Words ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "value", "shown"),
    [
        ("share", "DOUBLE", 0.3071, "30.7 %"),
        ("part", "DOUBLE", -0.00384, "-0.38"),
        ("longest", "DOUBLE", 59.94, "59.9 s"),
        ("longest", "DOUBLE", 90.0, "1.5 min"),
        ("longest", "DOUBLE", 7200.0, "2.0 h"),
        ("longest", "DOUBLE", 3 * 86400.0, "3.0 d"),
        ("longest", "DOUBLE", None, None),
        ("first_at", TIME, NOON, "2026-05-04 12:00:00"),
        ("sent_hour", TIME, NOON, "2026-05-04 12:00"),
        (
            "codes",
            "INTEGER[]",
            [4770, None, 1, 2, 3, 4, 5],
            "4770, not sent, 1, 2, 3, ",
        ),
        ("pending", "BIGINT", None, "not known"),
        ("pending", "BIGINT", 0, 0),
        ("usual_share", "DOUBLE", None, "not known"),
        ("carrier", "VARCHAR", None, "not sent"),
        ("tag", "VARCHAR", "", "not sent"),
        ("only_from", "VARCHAR", None, "any sender"),
        ("may_be_sent_again", "BOOLEAN", False, "no"),
    ],
)
def test_cell_has_its_unit(name: str, kind: str, value: object, shown: str) -> None:
    """By what its column is called; null says why there is nothing."""
    (_, (_, cell)) = words({"key": "VARCHAR", name: kind}, ["a", value])

    if name == "codes":
        assert cell == shown + "2 more"
    else:
        assert cell == shown


def test_slow_tail_of_few_messages_is_not_told() -> None:
    """Of eight messages the 99th percentile is chance; the median is shown."""
    columns = {"carrier": "VARCHAR", "p50": "DOUBLE", "p99": "DOUBLE"}
    columns |= {"enough": "BOOLEAN"}

    assert words(columns, ["EE", 2.0, 9.0, False], ["O2", 2.0, 9.0, True]) == [
        ["carrier", "p50", "p99"],
        ["EE", "2.0 s", "too few to tell"],
        ["O2", "2.0 s", "9.0 s"],
    ]


def test_share_of_few_sent_messages_is_not_told() -> None:
    """One answered message of one is not "100 %"."""
    columns = {"sent_hour": TIME, "tracked": "BIGINT", "answered_share": "DOUBLE"}
    _, few, enough = words(columns, [NOON, 19, 1.0], [NOON, 20, 1.0])

    assert (few[-1], enough[-1]) == ("too few to tell", "100.0 %")


def test_change_is_shown_before_and_now() -> None:
    """Counts and what they are of share a cell; a country has its name."""
    columns = {
        "country": "VARCHAR",
        "country_name": "VARCHAR",
        "failed_before": "BIGINT",
        "finished_before": "BIGINT",
        "failed": "BIGINT",
        "finished": "BIGINT",
        "part": "DOUBLE",
    }

    assert words(columns, ["GB", "United Kingdom", 0, 50, 30, 1_050, 0.3]) == [
        ["country", "before", "now", "part"],
        ["GB United Kingdom", "0 of 50", "30 of 1,050", "+30.00"],
    ]


# --- A narrow screen ------------------------------------------------------------------

WIDE = {
    "country": "VARCHAR",
    "meaning": "VARCHAR",
    "rate": "VARCHAR",
    "bar": "VARCHAR",
    "trend": "VARCHAR",
}
WIDE_ROW = ["GB United Kingdom", "m" * 60, "19.2 %", "█" * 8, "▁" * 12]


@pytest.mark.parametrize(
    ("width", "names", "first"),
    [
        (130, list(WIDE), ["GB United Kingdom", "m" * 60]),
        (110, [*list(WIDE)[:3], "trend"], ["GB United Kingdom", "m" * 60]),
        (90, [*list(WIDE)[:3], "trend"], ["GB United Kingdom", "m" * 43 + "…"]),
        (80, [*list(WIDE)[:3], "trend"], ["GB", "m" * 43 + "…"]),
        (60, [*list(WIDE)[:3], "trend"], ["GB", "m" * 23 + "…"]),
        (50, list(WIDE)[:3], ["GB", "m" * 23 + "…"]),
    ],
)
def test_narrow_screen_goes_without_the_least_needed(
    width: int, names: list[str], first: list[str]
) -> None:
    """Bars, ends of meanings, names of countries, histories, one after the other."""
    found = fitting.fitted(rows(WIDE, WIDE_ROW, WIDE_ROW), 2, width)

    assert list(found.names) == names
    assert list(next(found.values))[:2] == first


def test_meaning_is_cut_behind_a_word() -> None:
    """Half a word would be read as another one."""
    text = "from number not registered to a 10DLC campaign"
    row = [*WIDE_ROW[:1], text, *WIDE_ROW[2:]]
    found = fitting.fitted(rows(WIDE, row, row), 2, 60)

    assert next(found.values)[1] == "from number not…"


def test_group_of_a_report_is_never_left_out() -> None:
    """A tag is left out beside the id of a message, not where it is what was asked."""
    columns = {"tag": "VARCHAR", "failed": "BIGINT"}
    found = fitting.fitted(rows(columns, ["t" * 90, 1], ["u", 2]), 2, 40)

    assert found.names == ("tag", "failed")


# --- Histories ------------------------------------------------------------------------

NAMES = ("window_start", "country", "failed", "finished")


def test_history_draws_what_a_rate_is_at_least() -> None:
    """One failure of two is no peak beside 80 of 100."""
    cut = Period(NOON, NOON + 4 * HOUR, HOUR)
    found = trend.drawn(
        cut,
        NAMES,
        [
            (NOON, "GB", 1, 2),
            (NOON + HOUR, "GB", 0, 90),
            (NOON + 3 * HOUR, "GB", 80, 100),
            (NOON + 2 * HOUR, "US", 1, 1000),
        ],
    )
    low, high = wilson(1, 2), wilson(80, 100)
    assert low is not None
    assert high is not None

    assert found.of({"country": "GB"}) == pictures.line(
        [low.low, 0, None, high.low], high.low
    )
    # The quiet country is not drawn as if it were in flames.
    assert found.of({"country": "US"}).strip() == "▂"
    assert found.of({"country": "FR"}) == ""


def test_code_that_did_not_come_was_at_nothing() -> None:
    """A code has rows only where it came; between them it is low, not blank."""
    found = trend.drawn(
        Period(NOON, NOON + 3 * HOUR, HOUR),
        ("window_start", "error_code", "events", "finished"),
        [(NOON + HOUR, 4770, 50, 100)],
    )

    assert found.of({"error_code": 4770}) == "▁█▁"


@pytest.mark.parametrize(
    ("length", "window", "expected"),
    [
        (24 * HOUR, None, 2 * HOUR),
        (HOUR, None, HOUR / 12),
        (timedelta(days=7), None, 12 * HOUR),
        (timedelta(days=365), None, timedelta(days=28)),
        (timedelta(minutes=5), None, None),  # too short for a history
        (timedelta(days=401), None, None),  # too long for one
        (24 * HOUR, HOUR, None),  # has windows of its own
    ],
)
def test_history_has_windows_of_a_length_that_is_easily_said(
    length: timedelta, window: timedelta | None, expected: timedelta | None
) -> None:
    """At most sixteen of them."""
    cut = trend.windows_of(Period(NOON, NOON + length, window))

    assert (cut and cut.window) == expected


def test_windows_begin_where_the_report_has_them() -> None:
    """A period that begins within a window has a character for its rest, too."""
    cut = Period(NOON + HOUR / 2, NOON + 3 * HOUR, HOUR)
    found = trend.drawn(cut, NAMES, [(NOON + HOUR, "GB", 50, 100)])

    assert found.of({"country": "GB"}) == " █ "


# --- The page -------------------------------------------------------------------------


def shown(name: str, found: Rows, **asked: Any) -> list[str]:  # noqa: ANN401
    """Print a report and return its lines."""
    report = queries.shipped_queries()[name]
    to = io.StringIO()
    given: dict[str, Any] = {"period": Period(NOON, NOON + HOUR)}
    given |= {"chosen": choice.NO_CHOICE} | asked
    page.show(page.Asked(report, width=100, **given), found, trend.NO_TRENDS, to)
    return [line.rstrip() for line in to.getvalue().splitlines() if line.strip()]


def test_page_says_of_what_it_is() -> None:
    """Question, period, the kind of time, what is counted, and what was asked for."""
    chosen = choice.of({"country": ["gb"], "carrier": ["", "E\x1bE"]}, None, "24h")
    lines = shown("what_changed", rows({"country": "VARCHAR"}), chosen=chosen)

    assert lines[:4] == [
        "Which country, carrier and code made the failure rate rise or fall?",
        "2026-05-04 12:00 to 2026-05-04 13:00 UTC by event time, counting events",
        "against 2026-05-03 12:00 to 2026-05-03 13:00 UTC",
        "only country GB; carrier not sent, E\\x1bE",
    ]
    assert lines[-1] == "No rows."


@pytest.mark.parametrize(
    ("name", "received_until", "said"),
    [
        ("overview", NOON, "an event may be told up to a day late"),
        ("overview", NOON + 25 * HOUR, None),
        ("time_to_receipt", NOON + 25 * HOUR, "a receipt may take up to 73 hours"),
        ("time_to_receipt", NOON + 75 * HOUR, None),
        ("dead_letters_by_reason", NOON, None),
        ("overview", None, None),
    ],
)
def test_numbers_that_may_grow_are_called_provisional(
    name: str, received_until: datetime | None, said: str | None
) -> None:
    """As long as a callback of the period may still come."""
    found = rows({"a": "BIGINT"}, [1])
    lines = shown(name, found, received_until=received_until)
    provisional = [line for line in lines if line.startswith("Provisional")]

    assert bool(provisional) == (said is not None)
    if said:
        assert said in provisional[0]


def test_page_says_how_many_rows_there_are() -> None:
    """What is not on the screen is counted."""
    found = rows({"a": "BIGINT"}, *([n] for n in range(1_234)))
    lines = shown("overview", found, most=2)

    assert (
        "The first 2 of 1,234 rows; --top 0 shows more, --format csv or json gives all."
        in lines
    )


def test_change_is_summed_up_in_a_sentence() -> None:
    """Of the rows that are shown, and of everything."""
    columns = {
        "rate_change": "DOUBLE",
        "mix_change": "DOUBLE",
        "part": "DOUBLE",
        "overall_before": "DOUBLE",
        "overall": "DOUBLE",
    }
    found = rows(columns, [0.05, 0.02, 0.07, 0.02, 0.1], [0.01, 0.0, 0.01, 0.02, 0.1])
    lines = shown("what_changed", found, most=1)

    assert (
        "The failure rate went from 2.0 % to 10.0 %: +8.00 points. These rows make "
        "+7.00: rates +5.00, mix of traffic +2.00." in lines
    )


def test_all_time_has_no_end_to_be_provisional_at() -> None:
    """The heading says all time."""
    lines = shown("overview", rows({"a": "BIGINT"}, [1]), period=EVERYTHING)

    assert lines[1] == "all time, counting events"


# --- Parquet --------------------------------------------------------------------------


def test_parquet_keeps_types_and_nulls() -> None:
    """Numbers, times in UTC and lists as such; what has no common type is its text."""
    columns = {
        "n": "BIGINT",
        "rate": "DOUBLE",
        "at": TIME,
        "codes": "INTEGER[]",
        "text": "VARCHAR",
        "pair": "STRUCT(a INTEGER)",
    }
    to = io.BytesIO()
    values: list[list[Any]] = [
        [1, 0.5, NOON, [4770, None], "=1+1", {"a": 1}],
        [None] * 6,
    ]
    as_parquet.write(rows(columns, *values), to)

    table = pq.read_table(io.BytesIO(to.getvalue()))
    assert [str(kind) for kind in table.schema.types] == [
        *("int64", "double", "timestamp[us, tz=UTC]", "list<element: int32>"),
        *("string", "string"),
    ]
    assert [list(row.values()) for row in table.to_pylist()] == [
        [1, 0.5, NOON, [4770, None], "=1+1", '{"a":1}'],
        [None] * 6,
    ]


def test_parquet_is_not_sent_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes would steer it; the sentence says what to do."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)

    with pytest.raises(ConfigurationError, match=r"> report\.parquet"):
        write_rows(rows({"a": "BIGINT"}), Format.PARQUET)
