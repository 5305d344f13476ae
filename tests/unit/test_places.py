"""Places: the path, line and column of a byte."""

import json

import pytest
from hypothesis import given

from streams.core.places import line_and_column, path_at
from tests.strategies import json_values


@pytest.mark.parametrize(
    ("before", "path"),
    [
        pytest.param(b"", "", id="nothing read"),
        pytest.param(b"[", "[0]", id="first element"),
        pytest.param(b"[1,", "[1]", id="second element"),
        pytest.param(b'[{"a": {"b": [1, 2', "[0].a.b[1]", id="deep"),
        pytest.param(b'{"a": 1, ', "a", id="after a comma the last key"),
        pytest.param(b'{"a": "x]}", "b": ', "b", id="brackets in a text"),
        pytest.param(b'{"a\\"b": ', 'a\\"b', id="quote in a key"),
        pytest.param(b'[{"a": [1]}, {"b"', "[1].b", id="closed levels are left"),
        pytest.param(b"]]}}", "", id="closed too often"),
    ],
)
def test_path(before: bytes, path: str) -> None:
    """The path leads to the value that is being read."""
    assert path_at(before + b"...", len(before)) == path


def test_a_deep_path_is_cut() -> None:
    """A hostile text cannot make an endless path."""
    deep = b'{"key":' * 10_000

    assert len(path_at(deep, len(deep))) <= 201


def test_line_and_column_count_from_one() -> None:
    """The first byte is line 1, column 1; a line break ends its line."""
    assert line_and_column(b"ab\ncd", 0) == (1, 1)
    assert line_and_column(b"ab\ncd", 2) == (1, 3)
    assert line_and_column(b"ab\ncd", 3) == (2, 1)


@given(json_values)
def test_behind_a_whole_text_the_path_is_empty(value: object) -> None:
    """Every level that was opened is closed again."""
    text = json.dumps(value).encode()

    assert path_at(text, len(text)) == ""
