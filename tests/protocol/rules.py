"""The rules of the protocol, each of which can be replaced by a wrong one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streams.core import positions
from streams.core.positions import (
    Answer,
    Fate,
    Move,
    Span,
    Standing,
    Start,
    Then,
    Verdict,
)


@dataclass(frozen=True)
class Rules:
    """The core's decisions, and what the worker and the archive add to them.

    Attributes:
        is_fenced: A table refuses a commit whose snapshot is older than a position.
        asks_for_q_first: A takeover reads Q before P.
        asks_for_bounds_last: A takeover asks Kafka where the log begins and ends after
            it has read P.
        passes_gaps: A takeover moves P past what Kafka deleted unarchived.
        asks_for_the_log: A commit is made only when the topic is still the same log,
            asked for after its records were fetched.
        remembers_copies: A copy enters the memory that is made from archived rows.
        counts_copies: Copies are counted like events.
        remembers: A takeover makes the identity memory from the archived rows.
    """

    spanned: Callable[[int, int, int | None, int | None], Span] = positions.spanned
    judge: Callable[[Span, int | None], Verdict] = positions.judge
    start: Callable[[int, int, int, int], Start] = positions.start
    move_of_rows: Callable[..., Move | None] = positions.move_of_rows
    move_of_counts: Callable[[Standing], Move | None] = positions.move_of_counts
    may_keep: Callable[[Standing, int, int], bool] = positions.may_keep
    has_seen_no_more: Callable[[Standing, int], bool] = positions.has_seen_no_more
    after_commit: Callable[[Answer], Then] = positions.after_commit
    fate_of: Callable[[Move, int, Answer], Fate] = positions.fate_of
    transaction_id: Callable[[str, int], str] = positions.transaction_id
    moved: Callable[
        [Mapping[str, int], Mapping[str, int]], dict[str, tuple[int, int]]
    ] = positions.moved
    is_fenced: bool = True
    asks_for_q_first: bool = True
    asks_for_bounds_last: bool = True
    passes_gaps: bool = True
    asks_for_the_log: bool = True
    remembers: bool = True
    remembers_copies: bool = False
    counts_copies: bool = False
