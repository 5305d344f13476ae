"""Positions: what a chunk may do, where a partition starts, what a commit expects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.positions import (
    Answer,
    CountsAheadError,
    Fate,
    LogShorterError,
    Move,
    Span,
    Standing,
    Start,
    Then,
    Verdict,
    after_commit,
    fate_of,
    has_seen_no_more,
    judge,
    may_keep,
    move_of_counts,
    move_of_rows,
    moved,
    spanned,
    start,
    taken_over,
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


# -------------------------------------------------------------- what a fetch stands for


@pytest.mark.parametrize(
    ("first", "last", "before", "after", "span"),
    [
        pytest.param(5, 7, 5, 8, Span(5, 8), id="no hole"),
        pytest.param(5, 7, 3, 8, Span(3, 8), id="a marker before them"),
        pytest.param(5, 7, 5, 10, Span(5, 10), id="markers behind them"),
        pytest.param(5, 7, None, None, Span(5, 8), id="nothing is known"),
        pytest.param(5, 7, 9, 3, Span(5, 8), id="the client was moved meanwhile"),
    ],
)
def test_spanned(
    first: int, last: int, before: int | None, after: int | None, span: Span
) -> None:
    """From where the fetch continued to where the next will; at least its records."""
    assert spanned(first, last, before, after) == span


# ----------------------------------------------------------------------------- commits

HELD = Standing(position=9, archived=5, counted=3, began=5)


def test_a_takeover_stands_where_it_starts() -> None:
    """P is what the table says, also where Kafka has deleted records behind it."""
    assert taken_over(Start(9, 3, 2), archived=7) == Standing(9, 7, 3, 9)


def test_rows_move_p_to_the_position() -> None:
    """And then nothing is to be moved."""
    move = move_of_rows(HELD, has_rows=True)

    assert move == Move(5, 9)
    assert move_of_rows(HELD.committed_rows(move), has_rows=False) is None


def test_a_position_does_not_move_without_rows() -> None:
    """But for what Kafka deleted before the takeover."""
    with pytest.raises(ValueError, match="no rows up to position 9"):
        move_of_rows(HELD, has_rows=False)

    assert move_of_rows(Standing(9, 5, 5, began=9), has_rows=False) == Move(5, 9)


def test_counts_move_q_to_p_and_no_further() -> None:
    """What is only in memory may be lost."""
    move = move_of_counts(HELD)

    assert move == Move(3, 5)
    assert move_of_counts(HELD.committed_counts(move)) is None


@pytest.mark.parametrize(
    ("standing", "archived", "counted", "keeps", "has_seen_no_more_"),
    [
        pytest.param(Standing(9, 9, 7, 0), 9, 7, True, True, id="nobody was there"),
        pytest.param(Standing(9, 9, 7, 0), 9, 9, False, True, id="others counted"),
        pytest.param(Standing(9, 9, 7, 0), 12, 7, False, True, id="others archived"),
        pytest.param(Standing(12, 9, 7, 0), 9, 7, False, False, id="not committed"),
        pytest.param(Standing(12, 9, 7, 0), 15, 7, False, False, id="a gap was passed"),
    ],
)
def test_what_is_kept_over_a_rebalance(
    standing: Standing,
    archived: int,
    counted: int,
    keeps: bool,  # noqa: FBT001 - a row of the table
    has_seen_no_more_: bool,  # noqa: FBT001
) -> None:
    """All of it where both positions are one's own; the memory where it is behind."""
    assert may_keep(standing, archived, counted) is keeps
    assert has_seen_no_more(standing, archived) is has_seen_no_more_


def test_no_commit_is_believed_but_one_that_was_answered() -> None:
    """After every other ending something else than going on is asked for."""
    assert [after_commit(answer) for answer in Answer] == [
        Then.GO_ON,
        Then.BEGIN_AGAIN,
        Then.BEGIN_AGAIN,
        Then.HOLD_NOTHING,
        Then.END,
    ]


@pytest.mark.parametrize(
    ("found", "fate"),
    [(5, Fate.NOT_MADE), (9, Fate.MADE), (7, Fate.OVERTAKEN), (12, Fate.OVERTAKEN)],
)
def test_fate_of_a_move(found: int, fate: Fate) -> None:
    """The table tells: still before it, behind it, or anywhere else."""
    assert fate_of(Move(5, 9), found, Answer.UNKNOWN) is fate


def test_a_refused_move_was_made_by_somebody_else() -> None:
    """Perhaps without the rows: past what Kafka had deleted."""
    assert fate_of(Move(5, 9), 9, Answer.REFUSED) is Fate.OVERTAKEN
    assert fate_of(Move(5, 9), 5, Answer.REFUSED) is Fate.NOT_MADE
