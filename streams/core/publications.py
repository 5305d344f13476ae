"""Messages of topic window-counts: what a partition's cells gained, as JSON.

The numbers of a message are what its cells gained from ``base``, the position of table
window_counts, to ``position``: a function of the log alone, whoever writes them. The
topic's contract is told in docs/live-counts.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from streams.core import windows

PART_BYTES = 256 << 10
# What a part holds beside its cells: names, numbers, and the log's id.
ENVELOPE_BYTES = 512
# As Python's objects they take ten times their room.
_CELLS_AT_ONCE = 2_000
_SECOND_US = 1_000_000

_Offset = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
_Count = Annotated[int, msgspec.Meta(ge=-(1 << 62), le=1 << 62)]
_Small = Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
# Until the year 2200, as usable times are.
_WindowStart = Annotated[
    int,
    msgspec.Meta(ge=0, lt=7_258_118_400, multiple_of=windows.WINDOW_US // _SECOND_US),
]
_Text = str | None

Cell = tuple[int, _Text, _Text, _Text, _Text, _Text, str, int | None]
"""A cell: window_start in seconds since 1970, then the other dimensions in order."""

Numbers = tuple[int, int]
"""What a cell gained: events, segments."""

Row = tuple[
    _WindowStart,
    _Text,
    _Text,
    _Text,
    _Text,
    _Text,
    str,
    _Small | None,
    Annotated[int, msgspec.Meta(ge=0, le=1 << 62)],
    _Count,
]
"""A cell and its numbers, as a message has them."""


class Publication(msgspec.Struct, frozen=True):
    """One message, or one part of it.

    Attributes:
        log_id: The log its positions belong to.
        partition: Partition of topic callbacks, and of this topic.
        base: Q, the position of table window_counts that the numbers begin at.
        position: N, the offset up to which records are in the numbers.
        complete: It has all cells gained since the base, not only what changed.
        cells: Cells with their numbers.
        rules_version: Of the rules that counted.
        part: Which part of the message, from 1.
        parts: How many parts the message has.
        as_of: Everything acknowledged before this time of the broker is in the numbers
            of the whole message and of those before it, milliseconds since 1970; None
            when the writer cannot tell.
    """

    log_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    partition: _Small
    base: _Offset
    position: _Offset
    complete: bool
    cells: list[Row]
    rules_version: Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)] = 1
    part: Annotated[int, msgspec.Meta(ge=1, le=1 << 20)] = 1
    parts: Annotated[int, msgspec.Meta(ge=1, le=1 << 20)] = 1
    as_of: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)] | None = None


_decoder = msgspec.json.Decoder(Publication)
_encode = msgspec.json.Encoder().encode


def decode(value: bytes | None, partition: int) -> Publication | None:
    """Read a message; return None for anything that is none.

    Args:
        value: The record's value, whoever wrote it.
        partition: The partition it was read from; a message of another is none.
    """
    try:
        found = _decoder.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    in_order = found.base <= found.position and found.part <= found.parts
    return found if in_order and found.partition == partition else None


@dataclass(frozen=True, slots=True)
class Head:
    """What the parts of a message have in common; see :class:`Publication`."""

    log_id: str
    partition: int
    base: int
    position: int
    complete: bool
    rules_version: int
    as_of: int | None


@dataclass(frozen=True, slots=True)
class Encoded:
    """Cells as JSON, cut into parts.

    Attributes:
        parts: For each part its cells, ``[…],[…]``; at least one, of an empty message
            an empty one.
        too_large: How many cells were left out, larger than a part each.
    """

    parts: list[bytes]
    too_large: int


def encode_cells(cells: pa.Table, part_bytes: int = PART_BYTES) -> Encoded:
    """Write cells as JSON and cut them into parts, each filled as far as it goes.

    Args:
        cells: Cells of schema ``windows.CELLS``, in the order they are to be written.
        part_bytes: The most bytes of a part, its envelope included.
    """
    most = part_bytes - ENVELOPE_BYTES
    if len(cells) <= _CELLS_AT_ONCE:
        whole = _encode(_rows(cells))[1:-1]
        if len(whole) <= most:
            return Encoded([whole], 0)
    parts: list[bytes] = []
    part: list[bytes] = []
    too_large = size = 0
    for begin in range(0, len(cells), _CELLS_AT_ONCE):
        for row in map(_encode, _rows(cells.slice(begin, _CELLS_AT_ONCE))):
            if len(row) > most:
                too_large += 1
                continue
            if size + len(row) > most:
                parts.append(b",".join(part))
                part, size = [], 0
            part.append(row)
            size += len(row) + 1  # its comma
    return Encoded([*parts, b",".join(part)], too_large)


def encode(head: Head, encoded: Encoded) -> Iterator[bytes]:
    """Return the message's parts, each as a record's value."""
    begin = msgspec.json.encode(
        {
            "log_id": head.log_id,
            "partition": head.partition,
            "base": head.base,
            "position": head.position,
            "complete": head.complete,
            "rules_version": head.rules_version,
            "as_of": head.as_of,
        }
    )[:-1]
    for number, cells in enumerate(encoded.parts, start=1):
        place = b',"part":%d,"parts":%d' % (number, len(encoded.parts))
        yield b'%b%b,"cells":[%b]}' % (begin, place, cells)


def in_order(cells: pa.Table) -> pa.Table:
    """Return cells in the one order in which a complete message has them.

    Whoever writes a complete message at a position then cuts it into the same parts,
    and parts of two writers fit together.
    """
    keys = [(name, "ascending", "at_start") for name in windows.DIMENSIONS]
    order = pc.sort_indices(cells, sort_keys=keys)
    return cells.take(order)


def numbers_of(cells: pa.Table) -> dict[Cell, Numbers]:
    """Return cells of schema ``windows.CELLS``, such as the table's, by cell."""
    found: dict[Cell, Numbers] = {}
    for row in _rows(cells):
        known = found.get(row[:8], (0, 0))
        found[row[:8]] = (known[0] + row[8], known[1] + row[9])
    return found


def _rows(cells: pa.Table) -> list[Row]:
    """Return cells as a message has them."""
    start = pc.divide(pc.cast(cells["window_start"], pa.int64()), _SECOND_US)
    others = (cells[name].to_pylist() for name in windows.CELLS.names[1:])
    return list(zip(start.to_pylist(), *others, strict=True))
