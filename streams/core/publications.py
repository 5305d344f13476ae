"""Messages of topic window-counts: what a partition's cells gained, as JSON.

The numbers of a message are what its cells gained from ``base``, the position of table
window_counts, to ``position``: a function of the log alone, whoever writes them. The
topic's contract is told in docs/live-counts.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.core.windows import DIMENSIONS, WINDOW_US

PART_BYTES = 256 << 10
# What a part holds beside its cells: names, numbers, and the log's id.
ENVELOPE_BYTES = 512
# Arrow's texts end at 2 GiB: more cells than this are written in several goes.
_BYTES_AT_ONCE = 64 << 20
_SECOND_US = 1_000_000

_Offset = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
_Count = Annotated[int, msgspec.Meta(ge=-(1 << 62), le=1 << 62)]
_Small = Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
# Until the year 2200, as usable times are.
_WindowStart = Annotated[
    int, msgspec.Meta(ge=0, lt=7_258_118_400, multiple_of=WINDOW_US // _SECOND_US)
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
    """Write cells as JSON and cut them into parts.

    Args:
        cells: Cells of schema ``windows.CELLS``, in the order they are to be written.
        part_bytes: The most bytes of a part, its envelope included.
    """
    most = part_bytes - ENVELOPE_BYTES
    parts: list[bytes] = []
    too_large = 0
    for piece in _pieces(cells):
        rows = _rows(piece)
        fits = pc.less_equal(pc.binary_length(rows), most)
        too_large += len(rows) - (pc.sum(fits).as_py() or 0)
        parts.extend(_joined(rows.filter(fits), most))
    return Encoded(parts or [b""], too_large)


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
    keys = [(name, "ascending", "at_start") for name in DIMENSIONS]
    order = pc.sort_indices(cells, sort_keys=keys)
    return cells.take(order)


def numbers_of(cells: pa.Table) -> dict[Cell, Numbers]:
    """Return cells of schema ``windows.CELLS``, such as the table's, by cell."""
    columns = [cells[name] for name in DIMENSIONS]
    seconds = pc.divide(pc.cast(columns[0], pa.int64()), _SECOND_US)
    keys = zip(
        seconds.to_pylist(),
        *(column.to_pylist() for column in columns[1:]),
        strict=True,
    )
    numbers = zip(
        cells["events"].to_pylist(), cells["segments"].to_pylist(), strict=True
    )
    found: dict[Cell, Numbers] = {}
    for cell, (events, segments) in zip(keys, numbers, strict=True):
        known = found.get(cell, (0, 0))
        found[cell] = (known[0] + events, known[1] + segments)
    return found


def _pieces(cells: pa.Table) -> Iterator[pa.Table]:
    """Cut cells so that each piece is far from what Arrow's texts can hold."""
    step = len(cells)
    if cells.nbytes > _BYTES_AT_ONCE:
        step = max(1, step * _BYTES_AT_ONCE // cells.nbytes)
    for begin in range(0, len(cells), step or 1):
        yield cells.slice(begin, step)


def _rows(cells: pa.Table) -> pa.Array:
    """Return each cell's values as JSON, comma between them."""
    start = pc.divide(pc.cast(cells["window_start"], pa.int64()), _SECOND_US)
    columns = [
        pc.cast(start, pa.string()),
        *(_quoted(cells[name]) for name in DIMENSIONS[1:-1]),
        *(_number(cells[name]) for name in ("error_code", "events", "segments")),
    ]
    joined = pc.binary_join_element_wise(*columns, ",")
    return joined.combine_chunks().cast(pa.binary())


def _number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(pc.cast(column, pa.string()), "null")


def _quoted(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts as JSON; few are different, and each is written once."""
    texts = pc.dictionary_encode(column.combine_chunks())
    quoted = [
        msgspec.json.encode(text).decode() for text in texts.dictionary.to_pylist()
    ]
    known = pa.array([*quoted, "null"], pa.string())
    places = pc.fill_null(texts.indices, len(quoted))
    return pa.chunked_array([known.take(places)])


def _joined(rows: pa.Array, most: int) -> Iterator[bytes]:
    """Join rows to parts of at most so many bytes."""
    if not len(rows):
        return
    # Each row brings its brackets, and a comma for all but the first of a part.
    ends = np.cumsum(pc.binary_length(rows).to_numpy().astype(np.int64) + 3)
    cuts = [0]
    while cuts[-1] < len(rows):
        before = int(ends[cuts[-1] - 1]) if cuts[-1] else 0
        cuts.append(int(np.searchsorted(ends, before + most + 3, side="right")))
    lists: Any = pa.ListArray.from_arrays(pa.array(cuts, pa.int32()), rows)
    for part in pc.binary_join(lists, b"],["):
        yield b"[%b]" % part.as_py()
