"""Wrong rules, by name: with any of them the model has to break.

docs/exactly-once.md names them beside the rule that each replaces.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

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
from tests.protocol.rules import Rules

TRUE = Rules()


def _never_seeks(span: Span, position: int | None) -> Verdict:
    verdict = positions.judge(span, position)
    return Verdict.ACCEPT if verdict is Verdict.SEEK else verdict


def _never_trims(span: Span, position: int | None) -> Verdict:
    verdict = positions.judge(span, position)
    return Verdict.ACCEPT if verdict is Verdict.TRIM else verdict


def _never_drops(span: Span, position: int | None) -> Verdict:
    verdict = positions.judge(span, position)
    return Verdict.ACCEPT if verdict is Verdict.DROP else verdict


def _spans_from_its_first_record(
    first: int, last: int, before: int | None, after: int | None
) -> Span:
    del before
    return positions.spanned(first, last, None, after)


def _spans_everything_before(
    first: int, last: int, before: int | None, after: int | None
) -> Span:
    del before
    return positions.spanned(first, last, 0, after)


def _starts_at_q(archived: int, counted: int, begin: int, end: int) -> Start:
    del archived
    return positions.start(counted, counted, begin, end)


def _starts_at_the_end(archived: int, counted: int, begin: int, end: int) -> Start:
    return replace(positions.start(archived, counted, begin, end), position=end)


def _counts_from_p(archived: int, counted: int, begin: int, end: int) -> Start:
    found = positions.start(archived, counted, begin, end)
    return replace(found, count_from=archived)


def _nothing_moved(
    expected: Mapping[str, int], found: Mapping[str, int]
) -> dict[str, tuple[int, int]]:
    del expected, found
    return {}


def _moves_from_where_it_began(standing: Standing, *, has_rows: bool) -> Move | None:
    move = positions.move_of_rows(standing, has_rows=has_rows)
    return move and replace(move, before=standing.began)


def _counts_what_is_in_memory(standing: Standing) -> Move | None:
    move = Move(standing.counted, standing.position)
    return move if standing.position > standing.counted else None


def _keeps_always(standing: Standing, archived: int, counted: int) -> bool:
    del standing, archived, counted
    return True


def _keeps_whatever_q_is(standing: Standing, archived: int, counted: int) -> bool:
    del counted
    return positions.may_keep(standing, archived, standing.counted)


def _goes_on_after(answer: Answer) -> Callable[[Answer], Then]:
    def after(found: Answer) -> Then:
        return Then.GO_ON if found is answer else positions.after_commit(found)

    return after


def _seen_no_more(standing: Standing, archived: int) -> bool:
    del standing, archived
    return True


def _seen_up_to_p(standing: Standing, archived: int) -> bool:
    return standing.position <= archived


def _always_made(move: Move, found: int, answer: Answer) -> Fate:
    del move, found, answer
    return Fate.MADE


def _made_although_refused(move: Move, found: int, answer: Answer) -> Fate:
    del answer
    return positions.fate_of(move, found, Answer.UNKNOWN)


def _made_where_it_moved(move: Move, found: int, answer: Answer) -> Fate:
    del answer
    return Fate.NOT_MADE if found == move.before else Fate.MADE


def _without_the_log(log_id: str, partition: int) -> str:
    del log_id
    return str(partition)


MUTANTS: dict[str, Rules] = {
    "never seeks": replace(TRUE, judge=_never_seeks),
    "never trims": replace(TRUE, judge=_never_trims),
    "never drops": replace(TRUE, judge=_never_drops),
    "spans from its first record": replace(TRUE, spanned=_spans_from_its_first_record),
    "spans everything before": replace(TRUE, spanned=_spans_everything_before),
    "starts at Q": replace(TRUE, start=_starts_at_q),
    "starts at the end": replace(TRUE, start=_starts_at_the_end),
    "counts from P": replace(TRUE, start=_counts_from_p),
    "commits without a check": replace(TRUE, moved=_nothing_moved),
    "writes without a transaction": replace(TRUE, is_fenced=False),
    "moves from where it began": replace(TRUE, move_of_rows=_moves_from_where_it_began),
    "counts what is in memory": replace(TRUE, move_of_counts=_counts_what_is_in_memory),
    "keeps always": replace(TRUE, may_keep=_keeps_always),
    "keeps whatever Q is": replace(TRUE, may_keep=_keeps_whatever_q_is),
    "goes on after refused": replace(TRUE, after_commit=_goes_on_after(Answer.REFUSED)),
    "goes on after unknown": replace(TRUE, after_commit=_goes_on_after(Answer.UNKNOWN)),
    "goes on after interrupted": replace(
        TRUE, after_commit=_goes_on_after(Answer.INTERRUPTED)
    ),
    "goes on after unforeseen": replace(
        TRUE, after_commit=_goes_on_after(Answer.UNFORESEEN)
    ),
    "keeps a memory that has seen more": replace(TRUE, has_seen_no_more=_seen_no_more),
    "keeps a memory of what was not committed": replace(
        TRUE, has_seen_no_more=_seen_up_to_p
    ),
    "believes every commit made": replace(TRUE, fate_of=_always_made),
    "believes a refused commit made": replace(TRUE, fate_of=_made_although_refused),
    "believes a moved position its own": replace(TRUE, fate_of=_made_where_it_moved),
    "names positions without the log": replace(TRUE, transaction_id=_without_the_log),
    "reads P before Q": replace(TRUE, asks_for_q_first=False),
    "asks for bounds before P": replace(TRUE, asks_for_bounds_last=False),
    "leaves gaps where they are": replace(TRUE, passes_gaps=False),
    "never asks for the log": replace(TRUE, asks_for_the_log=False),
    "remembers nothing": replace(TRUE, remembers=False),
    "remembers copies": replace(TRUE, remembers_copies=True),
    "counts copies": replace(TRUE, counts_copies=True),
}
