"""A log of messages sent is CSV or JSON: told by its content, not by its name."""

from collections.abc import Callable, Mapping
from itertools import chain

from streams.intake.importing import lines as lines_of
from streams.intake.importing import sent_csv, sent_json
from streams.intake.importing.lines import Read
from streams.intake.importing.sent_log import Content
from streams.intake.importing.sources import UnusableError

# The longest line that is held at once.
LONGEST_LINE_BYTES = 16 << 20
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
EMPTY = "empty"


def content_of(
    read: Read, chosen: Mapping[str, str], too_long: Callable[[int, int], None]
) -> Content:
    """Recognise what is read, and take it apart.

    Args:
        read: Gives the next bytes; empty at the end.
        chosen: Column by field, as a person says; recognised where nothing is said.
        too_long: Called with number and length of a line that is left out.

    Raises:
        UnusableError: It is no log of messages that can be recognised.
    """
    head = read()
    if head.startswith(_UTF_16):
        raise UnusableError("UTF-16: save it as UTF-8 first")
    head = head.removeprefix(_BOM)
    split = lines_of.split(head, read, LONGEST_LINE_BYTES, too_long)
    lines = ((n, line) for first, some in split for n, line in enumerate(some, first))
    first = next(((n, line) for n, line in lines if line.strip()), None)
    if first is None:
        return Content(EMPTY, {}, iter(()))
    if first[1].lstrip()[:1] in {b"{", b"["}:
        filled = ((n, line) for n, line in lines if line.strip())
        return sent_json.content_of(chain([first], filled), chosen)
    return sent_csv.content_of(chain([first], lines), chosen)
