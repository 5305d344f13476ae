"""Output: exact for machines, readable for people, harmless for terminals."""

import csv
import io
import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.warehouse.output import Format, write
from streams.warehouse.rows import Rows

ESCAPES = "\x1b[2J\x9b31m\x07\x00\x7f\u202egpj.exe\u2028\u2067"


def rows(
    values: Sequence[Sequence[Any]],
    names: Sequence[str] = ("a",),
    types: Sequence[str] | None = None,
) -> Rows:
    """Make rows; types are text unless given."""
    return Rows(tuple(names), tuple(types or ["VARCHAR"] * len(names)), iter(values))


def printed(found: Rows, form: Format) -> str:
    """Return what is printed."""
    to = io.StringIO()
    write(found, form, to)
    return to.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (2**100, "1267650600228229401496703205376"),
        (Decimal("12.3400"), "12.3400"),
        (0.1, "0.1"),
        (float("nan"), "null"),
        (float("inf"), "null"),
        ("ü", '"ü"'),
        (b"\xff\x00", '"/wA="'),
        (datetime(2026, 5, 4, 10, 0, 0, 5, UTC), '"2026-05-04T10:00:00.000005Z"'),
        (datetime(2026, 5, 4, 10), '"2026-05-04T10:00:00Z"'),  # noqa: DTZ001 - TIMESTAMP
        (date(2026, 5, 4), '"2026-05-04"'),
        ([1, None, [Decimal("1.5")]], "[1,null,[1.5]]"),
        (
            {"a": {3: datetime(2026, 5, 4, tzinfo=UTC)}},
            '{"a":{"3":"2026-05-04T00:00:00Z"}}',
        ),
    ],
)
def test_json_keeps_values_exact(value: object, text: str) -> None:
    """Numbers have all digits, NaN is null, binary is base64, times are UTC."""
    assert printed(rows([[value]]), Format.JSON) == f'[\n{{"a":{text}}}\n]\n'


def test_json_of_no_rows_is_an_empty_array() -> None:
    """A reader can rely on an array."""
    assert json.loads(printed(rows([]), Format.JSON)) == []


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2)))
def test_json_of_any_text_is_that_text(values: list[list[str]]) -> None:
    """Whatever a provider sends comes back as it was, and steers no terminal."""
    text = printed(rows(values, ("a", "b")), Format.JSON)

    assert json.loads(text) == [dict(zip("ab", row, strict=True)) for row in values]
    assert _steering(text.replace("\n", "")) == set()


def _steering(text: str) -> set[str]:
    return {c for c in text if ord(c) < 32 or 127 <= ord(c) < 160} | set(text) & {
        *"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
        *"\u2028\u2029",
    }


@given(st.lists(st.lists(st.text(), min_size=1, max_size=1), max_size=3))
def test_no_text_steers_a_terminal(values: list[list[str]]) -> None:
    """In tables nothing but line ends is a control character."""
    for form in (Format.TABLE, Format.MD):
        text = printed(rows(values), form)

        assert _steering(text.replace("\n", "")) == set()


def test_escape_codes_are_shown() -> None:
    """Hostile text can be seen for what it is."""
    text = printed(rows([[ESCAPES]]), Format.TABLE)

    assert r"\x1b[2J\x9b31m\x07\x00\x7f\u202egpj.exe\u2028\u2067" in text


def test_markup_of_the_terminal_library_is_text() -> None:
    """Neither colours nor emoji can be sent in a callback."""
    assert "[red]x[/red] :smile:" in printed(
        rows([["[red]x[/red] :smile:"]]), Format.TABLE
    )


def test_column_names_are_as_hostile_as_values() -> None:
    """A name comes from a query, which may have been pasted."""
    text = printed(rows([["x"]], ["\x1b[2J"]), Format.TABLE)

    assert r"\x1b[2J" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+SUM(A1)", "'+SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("+14155550123", "+14155550123"),
        ("+1415 555", "'+1415 555"),
        ("+", "'+"),
        ("plain", "plain"),
        ('a,"b"\nc', 'a,"b"\nc'),
        (-5, "-5"),
        (Decimal("-0.5"), "-0.5"),
        (-1.5, "-1.5"),
        (None, ""),
        (float("nan"), ""),
        (True, "true"),
        (["=1"], '["=1"]'),
        (b"\xff", "/w=="),
        (datetime(2026, 5, 4, 10, tzinfo=UTC), "2026-05-04T10:00:00Z"),
    ],
)
def test_csv_cells_are_no_formulas(value: object, cell: str) -> None:
    """Text that a spreadsheet would run gets an apostrophe; numbers stay numbers."""
    lines = csv.reader(
        io.StringIO(printed(rows([[value, 1]], ["a", "b"]), Format.CSV), newline="")
    )

    assert list(lines) == [["a", "b"], [cell, "1"]]


def test_csv_header_is_no_formula() -> None:
    """A column can be called anything in a query."""
    assert printed(rows([], ["=1+1"]), Format.CSV) == "'=1+1\n"


def test_markdown_is_a_table_whose_text_stays_text() -> None:
    """No cell ends early, no link or picture is loaded, numbers are on the right."""
    text = printed(
        rows([["a|b\n![](http://x)", 1]], ["x", "n"], ["VARCHAR", "BIGINT"]), Format.MD
    )

    assert text == ("| x | n |\n| --- | ---: |\n| a\\|b\\\\n!\\[\\](http://x) | 1 |\n")


NAMES = ("country", "failed", "failure_rate", "low", "high", "unknown_rate", "enough")
TYPES = ("VARCHAR", "BIGINT", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", "BOOLEAN")
REPORT = (
    ("US", 100, 0.5, 0.4314, 0.5686, 0.025, True),
    ("JM", 3, 1.0, 0.4385, 1.0, 0.0, False),
    ("GB", 0, None, None, None, None, False),
)


def test_rates_for_people_have_their_interval_or_are_too_few() -> None:
    """Three of three failures are no rate; nothing finished is empty."""
    assert printed(rows(REPORT, NAMES, TYPES), Format.MD) == (
        "| country | failed | failure rate | unknown rate |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| US | 100 | 50.0 % (43.1-56.9) | 2.5 % |\n"
        "| JM | 3 | too few to tell | too few to tell |\n"
        "| GB | 0 |  |  |\n"
    )


CODE_NAMES = (
    *("country", "country_name", "error_code", "meaning", "fault"),
    *("events", "finished", "rate", "low", "high", "enough"),
)
CODE_TYPES = ("VARCHAR",) * 2 + ("INTEGER",) + ("VARCHAR",) * 2 + ("BIGINT",) * 6
CODES = (
    *("MX", "Mexico", 4770, "carrier spam filter blocked it", "sender-content"),
    *(120, 420, 0.2857, 0.2446, 0.3307, True),
)


def test_people_see_a_country_with_its_name_and_no_fault() -> None:
    """A screen of 80 characters has no room for more; csv and json have it all."""
    assert printed(rows([CODES], CODE_NAMES, CODE_TYPES), Format.MD) == (
        "| country | error code | meaning | events | finished | rate |\n"
        "| --- | ---: | --- | ---: | ---: | ---: |\n"
        "| MX Mexico | 4770 | carrier spam filter blocked it | 120 | 420 "
        "| 28.6 % (24.5-33.1) |\n"
    )
    assert "sender-content" in printed(
        rows([CODES], CODE_NAMES, CODE_TYPES), Format.CSV
    )


class Terminal(io.StringIO):
    """What rich takes for a terminal; COLUMNS says how wide it is."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def test_numbers_stay_whole_on_a_screen_of_80_characters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the long text is folded, and nothing of it is lost."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Terminal()
    found = rows([CODES[2:], CODES[2:]], CODE_NAMES[2:], CODE_TYPES[2:])
    write(found, Format.TABLE, screen)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).splitlines()

    assert max(map(len, lines)) <= 80
    (first, *_) = [line for line in lines if "4770" in line]
    assert " ".join(first.split()) == (
        "4770 carrier spam filter blocked 120 420 28.6 % (24.5-33.1)"
    )


@pytest.mark.parametrize("form", [Format.JSON, Format.CSV])
def test_rates_for_machines_stay_numbers(form: Format) -> None:
    """A script decides itself what is enough."""
    text = printed(rows(REPORT, NAMES, TYPES), form)

    assert "0.4314" in text
    assert "too few" not in text


def test_long_result_is_cut_in_a_table_only() -> None:
    """A terminal shows a thousand rows and says so; a file gets all."""
    values = [[n] for n in range(1001)]
    table = printed(rows(values, types=["BIGINT"]), Format.TABLE)

    assert "999" in table
    assert "\n 1000" not in table
    assert "The first 1,000 rows" in table
    assert printed(rows(values), Format.CSV).count("\n") == 1002


def test_table_in_a_file_is_as_wide_as_its_rows() -> None:
    """Where nobody looks at a screen no line is folded."""
    assert "x" * 300 in printed(rows([["x" * 300]]), Format.TABLE)


def test_no_rows_are_said() -> None:
    """An empty table is not taken for a failure."""
    assert "No rows." in printed(rows([]), Format.TABLE)


def test_one_wide_row_is_shown_upright() -> None:
    """One line a column, name first."""
    names = [f"column_{n}" for n in range(9)]
    lines = printed(rows([range(9)], names), Format.TABLE).split("\n")

    assert "column_8   8" in [line.strip() for line in lines]
