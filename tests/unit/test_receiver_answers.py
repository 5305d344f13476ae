"""Answers: what a sender is told of what was stored."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.core.outline import Element
from streams.intake.receiver import stored

problems = st.none() | st.text(min_size=1, max_size=1000)


@given(st.lists(problems, min_size=1, max_size=60))
def test_a_200_speaks_of_every_element(told: list[str | None]) -> None:
    """Accepted and parked add up; problems are told, but not without end."""
    elements = [Element(b"{}", None, problem, is_json=True) for problem in told]
    parked = [problem for problem in told if problem is not None]

    answer = stored(elements)

    assert answer.status == 200
    assert msgspec.json.decode(answer.body) == {
        "accepted": len(told) - len(parked),
        "parked": len(parked),
        "problems": [problem[:300] for problem in parked[:20]],
    }
