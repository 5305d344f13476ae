"""Problems: callbacks that are wrong in the same way have the same reason."""

import pytest
from hypothesis import given

from streams.core.outline import outline
from streams.core.places import line_and_column
from streams.core.problems import line_and_column_of, reason_of
from tests.strategies import bodies


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (
            "[0].message.to[1]: not JSON, trailing comma in array (line 12, column 9)",
            "message.to: not JSON, trailing comma in array",
        ),
        ("not JSON, not UTF-8 (line 1, column 3)", "not JSON, not UTF-8"),
        ("[17].message.id: missing", "message.id: missing"),
        ("message.id: missing", "message.id: missing"),
        ("[3]: expected object, got int", "expected object, got int"),
        ("empty array", "empty array"),
        ("callback: expected object, got int", "callback: expected object, got int"),
    ],
)
def test_reason_is_the_problem_without_its_changing_parts(
    problem: str, reason: str
) -> None:
    """Indexes, line and column go; names of fields stay."""
    assert reason_of(problem) == reason


@given(bodies)
def test_reason_of_any_problem_is_a_reason(body: bytes) -> None:
    """It is not empty, and its own reason is itself."""
    problems = [each.problem for each in outline(body) if each.problem is not None]
    reasons = [reason_of(problem) for problem in problems]

    assert all(reasons)
    assert [reason_of(reason) for reason in reasons] == reasons


def test_place_is_where_the_text_breaks() -> None:
    """Line and column of a problem lead back to the byte."""
    body = b'[\n  {"type": ?}\n]'
    problem = outline(body)[0].problem

    assert problem is not None
    assert line_and_column_of(problem) == line_and_column(body, body.index(b"?"))
    assert line_and_column_of("[0].message: missing") is None
