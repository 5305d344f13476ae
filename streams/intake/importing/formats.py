"""What is in a file: one body, or lines; recognised by its content, not its name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import msgspec

from streams.core.unreadable import problem_of_bytes
from streams.intake.importing import lines as lines_of
from streams.intake.importing.lines import Read
from streams.intake.importing.sources import UnusableError

# The longest body or line that is held at once.
LONGEST_BYTES = 16 << 20

_HEAD_BYTES = 256 << 10
_BOM = b"\xef\xbb\xbf"
_BODY_FIELD = b'"body"'


class Kind(StrEnum):
    """What a file is recognised as."""

    EMPTY = "empty"
    BODY = "one body"
    BODIES = "lines of bodies"
    CALLBACKS = "lines of callbacks"
    LOG = "log lines with a body"


@dataclass(frozen=True, slots=True)
class Lines:
    """Some bodies of one file, one a line.

    Attributes:
        first: The number of the line that the first is from.
        bodies: One for each line; empty where the line has none.
    """

    first: int
    bodies: list[bytes]


@dataclass(slots=True)
class Content:
    """What is in one file.

    Attributes:
        kind: What it is recognised as.
        lines: Gives the bodies in their order. Raises UnusableError in the middle when
            the file turns out to be damaged.
    """

    kind: Kind
    lines: Iterator[Lines]


def content_of(read: Read, too_long: Callable[[int, int], None]) -> Content:
    """Recognise what is read, and take it apart.

    Args:
        read: Gives the next bytes; empty at the end.
        too_long: Called with number and length of a line that is longer than
            ``LONGEST_BYTES`` and left out.

    Raises:
        UnusableError: It is no JSON of any kind known.
    """
    head, is_whole, read_on = _head(read)
    head = head.removeprefix(_BOM)
    kind = _recognise(head, is_whole=is_whole)
    if kind is Kind.EMPTY:
        return Content(kind, iter(()))
    if kind is Kind.BODY:
        return Content(kind, iter([Lines(1, [body_of(_whole(head, read_on))])]))
    return Content(kind, _split(head, read_on, too_long))


def _head(read: Read) -> tuple[bytes, bool, Read]:
    """Return the beginning, whether it is all, and what gives the rest."""
    parts: list[bytes] = []
    size = 0
    while size < _HEAD_BYTES:
        try:
            part = read()
        except UnusableError as error:
            if not parts:
                raise
            return b"".join(parts), False, partial(_fail, error)
        if not part:
            return b"".join(parts), True, read
        parts.append(part)
        size += len(part)
    return b"".join(parts), False, read


def _fail(error: UnusableError) -> bytes:
    raise error


def _recognise(head: bytes, *, is_whole: bool) -> Kind:
    if is_whole and (not head or head.isspace()):
        return Kind.EMPTY
    if is_whole and problem_of_bytes(head) is None:
        return Kind.BODY
    lines = head.split(b"\n")
    if not is_whole:
        lines.pop()
    if not lines:
        return Kind.BODIES  # a line longer than the head, a body of one line among them
    found = [kind for line in lines if (kind := _kind_of(line)) is not None]
    # A line that ends in a comma belongs to an array that has one callback a line.
    commas = sum(line.rstrip().endswith(b",") for line in lines)
    return found[0] if len(found) > 0 and len(found) >= commas else Kind.BODY


def _kind_of(line: bytes) -> Kind | None:
    """Return which kind of line it is by itself; None if it is none."""
    start = line.lstrip()[:1]
    if start not in {b"[", b"{"} or problem_of_bytes(line) is not None:
        return None
    if start == b"[":
        return Kind.BODIES
    return Kind.LOG if body_of(line) is not line else Kind.CALLBACKS


class _LogLine(msgspec.Struct, gc=False):
    body: msgspec.Raw = msgspec.Raw(b"")
    message: msgspec.Raw = msgspec.Raw(b"")


_log_line = msgspec.json.Decoder(_LogLine)
_text = msgspec.json.Decoder(str)


def body_of(line: bytes) -> bytes:
    """Return the body that a line of a gateway's log carries; else the line itself.

    An object is a log line if it has a field ``body``, a string or an object or array,
    and no object ``message``: that would be a callback. A body that is null, or a text
    of nothing but blanks, was a request without one: the result is empty.
    """
    if _BODY_FIELD not in line:
        return line
    try:
        found = _log_line.decode(line)
        body, message = bytes(found.body), bytes(found.message)
        if not body or message.startswith(b"{"):
            return line
        if body.startswith(b'"'):
            return _text.decode(body).encode().strip()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return line
    if body == b"null":
        return b""
    return body if body.startswith((b"[", b"{")) else line


def _whole(head: bytes, read: Read) -> bytes:
    parts = [head]
    size = len(head)
    while part := read():
        parts.append(part)
        size += len(part)
        if size > LONGEST_BYTES:
            raise UnusableError(
                f"neither lines of JSON nor one body of at most {LONGEST_BYTES >> 20} "
                f"MiB: make lines of it, for example with jq -c '.[]'"
            )
    return b"".join(parts)


def _split(
    head: bytes, read: Read, too_long: Callable[[int, int], None]
) -> Iterator[Lines]:
    """Yield the lines as they are read, none of them longer than LONGEST_BYTES."""
    for number, lines in lines_of.split(head, read, LONGEST_BYTES, too_long):
        has_logs = any(_BODY_FIELD in line for line in lines)
        yield Lines(number, list(map(body_of, lines)) if has_logs else lines)
