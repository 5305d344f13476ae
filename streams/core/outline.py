"""A body taken apart as far as routing it needs: which elements, which message ids.

No columns here: the receiver takes bodies apart without loading Arrow.
"""

from dataclasses import dataclass

import msgspec

from streams.core.careful import UnreadableError, read
from streams.core.unreadable import is_array, problem_of_whole
from streams.core.wire import Callback, elements, strict


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a body.

    Attributes:
        content: Its bytes, unchanged.
        message_id: ``message.id`` where it is a non-empty string.
        problem: Why it is not a readable callback; None if it is one.
        is_json: It is one JSON value; False for a body that is parked whole.
        callback: What was read; None if it is not readable.
    """

    content: bytes
    message_id: str | None
    problem: str | None
    is_json: bool
    callback: Callback | None = None


def outline(body: bytes) -> list[Element]:
    """Take a body apart without reading more of it than is needed to route it.

    Args:
        body: A request's body, any bytes.

    Returns:
        One entry for each element of an array, or one for everything else. What is
        readable here is readable to :func:`streams.core.callbacks.decode`.
    """
    try:
        found = strict.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _outline_carefully(body)
    if not isinstance(found, list):
        return [_readable(body, found)]
    if not found:
        return _outline_carefully(body)
    contents = elements.decode(body)
    return [
        _readable(bytes(content), callback)
        for content, callback in zip(contents, found, strict=True)
    ]


def _outline_carefully(body: bytes) -> list[Element]:
    whole = problem_of_whole(body)
    if whole is not None:
        return [Element(body, None, whole, is_json=False)]
    if not is_array(body):
        return [_outline_element(body, "")]
    return [
        _outline_element(bytes(content), f"[{index}]")
        for index, content in enumerate(elements.decode(body))
    ]


def _outline_element(content: bytes, path: str) -> Element:
    try:
        callback, _ = read(content, path, keep_text=False)
    except UnreadableError as error:
        return Element(content, _message_id(content), str(error), is_json=True)
    return _readable(content, callback)


def _readable(content: bytes, callback: Callback) -> Element:
    return Element(content, callback.message.id, None, is_json=True, callback=callback)


class _IdOnly(msgspec.Struct, gc=False):
    id: str


class _MessageOnly(msgspec.Struct, gc=False):
    message: _IdOnly


_id_only = msgspec.json.Decoder(_MessageOnly)


def _message_id(content: bytes) -> str | None:
    try:
        return _id_only.decode(content).message.id or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
