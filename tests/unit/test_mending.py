"""Mending: a dead letter becomes callbacks, or says what is still wrong."""

from datetime import UTC, datetime

import pytest
from hypothesis import given

from streams.core.outline import outline
from streams.intake.mending import TRAILING_COMMAS, judged, mend
from streams.topics import MAX_MESSAGE_BYTES
from streams.warehouse.dead_letters import DeadLetter
from tests.strategies import bodies

PLACE = "a-log/0/1/0"
GOOD = b'{"type": "x", "message": {"id": "1"}}'


def letter(raw: bytes | None, problem: str = "empty body") -> DeadLetter:
    """Make a dead letter with these bytes."""
    return DeadLetter(
        PLACE, "http", datetime(2026, 5, 4, tzinfo=UTC), None, problem, raw
    )


def test_repair_is_made_only_where_it_is_asked_for() -> None:
    """Without one, the bytes are judged as they are."""
    broken = letter(b"[" + GOOD + b", ]")

    mended = mend(broken, TRAILING_COMMAS)

    assert (mended.problem, [each.content for each in mended.elements]) == (
        None,
        [GOOD],
    )
    as_it_is = mend(broken, None)
    assert as_it_is.elements == ()
    assert as_it_is.problem is not None
    assert "trailing comma" in as_it_is.problem


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("tombstone: the record has no value", "the record had no value"),
        ("empty array", "its bytes are no longer kept"),
    ],
)
def test_what_has_no_bytes_cannot_be_mended(problem: str, said: str) -> None:
    """A tombstone never had any; pruned ones are gone."""
    mended = mend(letter(None, problem), TRAILING_COMMAS)

    assert (mended.problem, mended.elements, mended.content) == (said, (), b"")


def test_callback_that_kafka_would_not_take_is_not_sent() -> None:
    """Room is left for key and headers."""
    longest = MAX_MESSAGE_BYTES - (4 << 10)

    assert judged(PLACE, GOOD.ljust(longest)).problem is None
    too_long = judged(PLACE, GOOD.ljust(longest + 1))
    assert too_long.elements == ()
    assert "longer than" in (too_long.problem or "")


@given(bodies)
def test_all_of_a_body_is_sent_or_nothing(body: bytes) -> None:
    """What is sent can be read, all of it; else a problem is named."""
    elements = outline(body)
    mended = judged(PLACE, body)

    if all(element.problem is None for element in elements):
        assert (list(mended.elements), mended.problem) == (elements, None)
    else:
        assert mended.elements == ()
        assert mended.problem in [element.problem for element in elements]
