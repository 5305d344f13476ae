"""Positions: what a chunk may do, where a partition starts, what a commit expects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.positions import (
    CountsAheadError,
    LogShorterError,
    Span,
    Start,
    Verdict,
    judge,
    moved,
    start,
    transaction_id,
)

offsets = st.integers(0, 20)
spans = st.tuples(offsets, st.integers(1, 10)).map(lambda s: Span(s[0], s[0] + s[1]))


#   position 10:   ------------|------------
@pytest.mark.parametrize(
    ("span", "verdict"),
    [
        pytest.param(Span(10, 15), Verdict.ACCEPT, id="is next"),
        pytest.param(Span(8, 15), Verdict.TRIM, id="overlaps"),
        pytest.param(Span(9, 11), Verdict.TRIM, id="one old, one new"),
        pytest.param(Span(5, 10), Verdict.DROP, id="all taken in"),
        pytest.param(Span(11, 15), Verdict.SEEK, id="one record is missing"),
    ],
)
def test_verdict(span: Span, verdict: Verdict) -> None:
    """Half-open spans against the position, tested at both ends."""
    assert judge(span, 10) is verdict


def test_a_partition_that_is_not_held_takes_nothing() -> None:
    """After a revocation what was still on its way is dropped."""
    assert judge(Span(0, 5), None) is Verdict.DROP


@given(st.lists(spans, max_size=30))
def test_chunks_in_any_order_take_each_offset_in_once_and_in_order(
    chunks: list[Span],
) -> None:
    """Whatever is fetched twice, late or with holes, the taken offsets are a prefix."""
    position = 0
    taken: list[int] = []
    for chunk in chunks:
        if judge(chunk, position) in (Verdict.ACCEPT, Verdict.TRIM):
            taken += range(max(chunk.start, position), chunk.end)
            position = chunk.end

    assert taken == list(range(position))


@pytest.mark.parametrize(
    ("archived", "counted", "begin", "end", "expected"),
    [
        pytest.param(0, 0, 0, 0, Start(0, 0, 0), id="empty log"),
        pytest.param(7, 5, 0, 9, Start(7, 5, 0), id="counts are behind"),
        pytest.param(7, 7, 0, 7, Start(7, 7, 0), id="nothing to do"),
        pytest.param(7, 7, 9, 12, Start(9, 7, 2), id="Kafka deleted two"),
    ],
)
def test_start(
    archived: int, counted: int, begin: int, end: int, expected: Start
) -> None:
    """A partition starts at P, counts from Q, and knows what Kafka deleted."""
    assert start(archived, counted, begin, end) == expected


def test_a_log_that_ends_before_the_archive_is_refused() -> None:
    """Records that are archived but not in Kafka mean that Kafka lost some."""
    with pytest.raises(LogShorterError, match="ends at offset 6, the archive at 7"):
        start(7, 7, 0, 6)


def test_counts_beyond_the_archive_are_refused() -> None:
    """Table window_counts never runs ahead of table callbacks."""
    with pytest.raises(CountsAheadError, match="position 8 is beyond archived 7"):
        start(7, 8, 0, 9)


def test_positions_are_named_by_log_and_partition() -> None:
    """Another log of the same name has positions of its own."""
    assert transaction_id("ab-cd", 3) == "ab-cd/3"


def test_moved_names_what_somebody_else_moved() -> None:
    """A position that was never written is 0."""
    assert moved({"a": 5, "b": 0, "c": 2}, {"a": 5, "c": 3}) == {"c": (2, 3)}
