"""The lines of a file as they are read, none of them longer than what can be held."""

from collections.abc import Callable, Iterator

# Gives the next bytes; empty at the end.
Read = Callable[[], bytes]


def split(
    head: bytes, read: Read, longest: int, too_long: Callable[[int, int], None]
) -> Iterator[tuple[int, list[bytes]]]:
    """Yield some lines at a time, without their ends.

    Args:
        head: What is read already.
        read: Gives what follows.
        longest: Bytes of the longest line that is held.
        too_long: Called with number and length of a line that is left out.

    Yields:
        The number of the first line, and the lines; the last one of a file is left out
        when it is empty.
    """
    number = 1
    begun: list[bytes] = []  # the line whose end is not read yet
    part = head or read()
    while part:
        if b"\n" not in part:
            begun.append(part)
        else:
            lines = b"".join([*begun, part]).split(b"\n")
            begun = [lines.pop()]
            yield number, lines
            number += len(lines)
        size = sum(map(len, begun))
        if size > longest:
            too_long(number, size)
            begun, number = [_skip_line(read)], number + 1
        part = read()
    if rest := b"".join(begun):
        yield number, rest.removesuffix(b"\n").split(b"\n")


def _skip_line(read: Read) -> bytes:
    """Read up to the end of the line; return what is read of the next one."""
    while part := read():
        _, found, rest = part.partition(b"\n")
        if found:
            return rest
    return b""
