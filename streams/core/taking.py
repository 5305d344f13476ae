"""Bodies of any number → their callbacks, each with its bytes: what an import sends.

The quick way takes what is wholly as documented; :func:`outline` takes the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from streams.core.outline import outline
from streams.core.wire import Callback, elements, strict


@dataclass(frozen=True, slots=True)
class Parked:
    """One element that is not a readable callback, or a body that is parked whole.

    Attributes:
        body: The place of its body among those taken.
        content: Its bytes, unchanged.
        message_id: ``message.id`` where it is a non-empty string.
        problem: Why it is not readable.
        is_json: It is one JSON value; False for a body that is parked whole.
    """

    body: int
    content: bytes
    message_id: str | None
    problem: str
    is_json: bool


@dataclass(slots=True)
class Taken:
    """Readable callbacks in the order they came, and what was parked.

    Attributes:
        bodies: For each callback, the place of its body.
        contents: For each callback, its bytes, unchanged.
        callbacks: For each callback, what was read.
        careful: The places in ``callbacks`` of those that were not as documented; only
            they can be nested deeply.
        parked: Elements that are no readable callbacks.
    """

    bodies: list[int] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    callbacks: list[Callback] = field(default_factory=list)
    careful: list[int] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)


def take(bodies: Sequence[bytes]) -> Taken:
    """Take bodies apart.

    Args:
        bodies: Bodies as they came; one of nothing but blanks gives nothing.

    Returns:
        Every element of every body, readable or parked, as :func:`outline` has it.
    """
    taken = Taken()
    for place, body in enumerate(bodies):
        try:
            found = strict.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            _take_carefully(taken, place, body)
            continue
        if not isinstance(found, list):
            taken.bodies.append(place)
            taken.contents.append(body.strip())
            taken.callbacks.append(found)
        elif len(found) == 1:
            taken.bodies.append(place)
            # All that is left of a valid array of one: brackets, blanks, the element.
            taken.contents.append(body.strip()[1:-1].strip())
            taken.callbacks.append(found[0])
        elif found:
            taken.bodies.extend([place] * len(found))
            taken.contents.extend(map(bytes, elements.decode(body)))
            taken.callbacks.extend(found)
        else:
            _take_carefully(taken, place, body)
    return taken


def _take_carefully(taken: Taken, place: int, body: bytes) -> None:
    if not body or body.isspace():
        return
    for element in outline(body):
        if element.callback is None:
            problem = element.problem or ""
            taken.parked.append(
                Parked(
                    place, element.content, element.message_id, problem, element.is_json
                )
            )
            continue
        taken.careful.append(len(taken.callbacks))
        taken.bodies.append(place)
        taken.contents.append(element.content)
        taken.callbacks.append(element.callback)
