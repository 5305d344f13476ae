"""One dead letter mended: what of it can be sent now, or what is still wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.core.outline import Element, outline
from streams.core.repairs import without_trailing_commas
from streams.topics import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from streams.warehouse.dead_letters import DeadLetter

TRAILING_COMMAS = "trailing-commas"
FIXES: dict[str, Callable[[bytes], bytes]] = {TRAILING_COMMAS: without_trailing_commas}
# A record's key, headers and framing, generously.
_OVERHEAD_BYTES = 4 << 10


@dataclass(frozen=True, slots=True)
class Mended:
    """What a dead letter became.

    Attributes:
        place: Its place.
        content: Its bytes now.
        elements: The callbacks to send; empty when something is still wrong.
        problem: What is still wrong; None when all of it can be read.
    """

    place: str
    content: bytes
    elements: Sequence[Element]
    problem: str | None


def mend(letter: "DeadLetter", fix: str | None) -> Mended:
    """Repair a dead letter.

    Args:
        letter: The dead letter.
        fix: One of ``FIXES``; None leaves the bytes as they are.
    """
    if letter.raw is None:
        return Mended(letter.place, b"", (), letter.no_bytes)
    return judged(letter.place, FIXES[fix](letter.raw) if fix else letter.raw)


def judged(place: str, content: bytes) -> Mended:
    """Take bytes apart; only when every element can be read is there one to send.

    A part of them would repair the dead letter, and the rest would be in none.
    """
    elements = outline(content)
    problem = next((p for e in elements if (p := _problem(e)) is not None), None)
    return Mended(place, content, () if problem else elements, problem)


def _problem(element: Element) -> str | None:
    if element.problem is None and len(element.content) > (
        MAX_MESSAGE_BYTES - _OVERHEAD_BYTES
    ):
        return (
            f"longer than the {MAX_MESSAGE_BYTES - _OVERHEAD_BYTES} bytes of a record"
        )
    return element.problem
