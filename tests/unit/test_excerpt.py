"""Excerpts: hostile bytes shown to a person, with the place that is wrong marked."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.outline import outline
from streams.core.problems import line_and_column_of
from streams.warehouse.excerpt import excerpt
from tests.strategies import bodies

LONG = b'["' + "ä".encode() * 4_000 + b'" ? "' + "日".encode() * 4_000 + b'"]'


def shown(content: bytes, place: tuple[int, int] | None = None) -> list[str]:
    """Return the excerpt's lines."""
    return list(excerpt(content, place))


def marked(lines: list[str]) -> str:
    """Return the text that the mark stands under, from there to the line's end."""
    (number,) = [n for n, line in enumerate(lines) if line.endswith("^ here")]
    return lines[number - 1][lines[number].index("^") :]


def test_place_is_marked_under_its_line() -> None:
    """Lines have numbers; the mark stands under the byte."""
    assert shown(b'[\n  {"a": 1,}\n]\n', (2, 11)) == [
        "1 | [",
        '2 |   {"a": 1,}',
        "  |           ^ here",
        "3 | ]",
    ]


def test_mark_counts_what_the_terminal_shows() -> None:
    """Escapes and characters of several bytes before the place do not move it."""
    content = "\t\x1b[31mä?".encode()

    assert marked(shown(content, (1, len(content)))) == "?"


def test_mark_stands_under_wide_characters() -> None:
    """One of them takes two cells of a terminal."""
    assert shown("日本?".encode(), (1, 7)) == ["1 | 日本?", "  |     ^ here"]


def test_bytes_that_steer_a_terminal_are_shown_as_escapes() -> None:
    """Colours, a cleared screen, turned text, NUL, half a character."""
    content = b"\x1b[2J\x9b\x07\x00\r\xe2\x80\xae\xff\xc3"

    assert shown(content) == [r"1 | \x1b[2J\x9b\x07\x00\r\u202e\xff\xc3"]


def test_long_line_is_cut_around_the_place() -> None:
    """A mebibyte in one line is no page; characters are not cut in half."""
    column = LONG.index(b"?") + 1
    lines = shown(LONG, (1, column))

    assert marked(lines).startswith("?")
    assert len(lines[0]) < 400
    assert lines[0].startswith("1 | …")
    assert lines[0].endswith("…")
    assert "\\x" not in lines[0]


def test_many_lines_are_cut_around_the_place() -> None:
    """What is left out is said."""
    content = b"\n".join(b"%d" % number for number in range(1, 1001))

    lines = shown(content, (500, 1))
    assert lines[0] == "… 479 lines before …"
    assert lines[-1] == "… 480 lines after …"
    assert marked(lines) == "500"
    assert shown(content)[-1] == "… 959 lines after …"


@pytest.mark.parametrize(
    ("content", "place", "expected"),
    [
        (b"", None, ["1 |"]),
        (b"", (1, 1), ["1 |", "  | ^ here"]),
        (b"[\n", (2, 1), ["1 | [", "2 |", "  | ^ here"]),
        (b"[", (1, 2), ["1 | [", "  |  ^ here"]),
    ],
)
def test_text_that_ends_too_early_is_marked_at_its_end(
    content: bytes, place: tuple[int, int] | None, expected: list[str]
) -> None:
    """There is no byte at the place."""
    assert shown(content, place) == expected


@given(bodies | st.binary(max_size=400))
def test_any_bytes_are_shown_safely_and_marked_once(content: bytes) -> None:
    """No character that steers a terminal gets through; the place is found."""
    problem = outline(content)[0].problem
    place = None if problem is None else line_and_column_of(problem)

    lines = shown(content, place)

    kinds = {unicodedata.category(character) for character in "".join(lines)}
    assert kinds.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    assert sum(line.endswith("^ here") for line in lines) >= (place is not None)
