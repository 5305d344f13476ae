"""One dead letter for a person: its problem, where it came from, its bytes."""

from collections.abc import Iterator

from streams.core.problems import line_and_column_of
from streams.warehouse.dead_letters import DeadLetter
from streams.warehouse.excerpt import excerpt
from streams.warehouse.output.values import as_text, printable


def lines(letter: DeadLetter) -> Iterator[str]:
    """Describe a dead letter; nothing in the lines steers a terminal."""
    facts = {
        "place": letter.place,
        "problem": letter.problem,
        "source": letter.source or "another producer",
        "origin": letter.origin,
        "received at": as_text(letter.received_at),
        "size": f"{len(letter.raw or b''):,} bytes",
    }
    for name, value in facts.items():
        if value is not None:
            yield f"{name:<11}  {printable(value)}"
    yield ""
    if letter.raw is None:
        yield f"({letter.no_bytes})"
    else:
        yield from excerpt(letter.raw, line_and_column_of(letter.problem))
