"""Hostile bytes as lines for a person: nothing in them steers a terminal."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from streams.warehouse.output.values import printable

LINES_AROUND = 20
BYTES_AROUND = 80
_MARK = "^ here"
# The second and further bytes of a character of UTF-8.
_CONTINUATION = range(0x80, 0xC0)


def excerpt(content: bytes, place: tuple[int, int] | None) -> Iterator[str]:
    """Show bytes line by line, with numbers, around a place if one is given.

    Args:
        content: Any bytes. Control characters and bytes that are no UTF-8 are shown as
            their escape sequences.
        place: Line and column, both from 1, the column in bytes; it is marked.

    Yields:
        Lines; what is left out of a long line is shown as ``…``, what is left out of
        many lines is said.
    """
    lines = content.split(b"\n")
    marked = None if place is None else place[0] - 1
    if len(lines) > 1 and not lines[-1] and marked != len(lines) - 1:
        lines.pop()
    begin = max(0, (marked or 0) - LINES_AROUND)
    end = (marked or LINES_AROUND) + LINES_AROUND + 1
    width = len(str(min(end, len(lines))))
    if begin:
        yield _left_out(begin, "before")
    for number, line in enumerate(lines[begin:end], begin):
        at = place[1] - 1 if place is not None and number == marked else None
        shown, column = _shown(line, at)
        yield f"{number + 1:>{width}} | {shown}".rstrip()
        if at is not None:
            yield f"{'':>{width}} | {'':>{column}}{_MARK}"
    if end < len(lines):
        yield _left_out(len(lines) - end, "after")


def _left_out(lines: int, where: str) -> str:
    return f"… {lines:,} {'line' if lines == 1 else 'lines'} {where} …"


def _shown(line: bytes, at: int | None) -> tuple[str, int]:
    """Return what is shown of a line, and the cell in which a byte of it begins."""
    middle = at or 0
    begin = _boundary(line, max(0, middle - BYTES_AROUND))
    end = _boundary(line, middle + 2 * BYTES_AROUND)
    before = "…" * (begin > 0) + _text(line[begin:middle])
    after = _text(line[middle:end]) + "…" * (end < len(line))
    return before + after, cell_len(before)


def _boundary(line: Sequence[int], at: int) -> int:
    """Return the offset, at most ``at``, where a character of UTF-8 begins."""
    if at >= len(line):
        return len(line)
    first = max(0, at - 3)
    begins = (n for n in range(at, first, -1) if line[n] not in _CONTINUATION)
    return next(begins, at)


def _text(content: bytes) -> str:
    return printable(content.decode("utf-8", "backslashreplace"))
