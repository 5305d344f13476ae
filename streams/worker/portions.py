"""What a fetch brought, in portions that memory can bear whatever is in the bodies.

A mebibyte of ``[1,1,…]`` is half a million rows, 285 MB while they are read; a mebibyte
of callbacks is 2,000. Commas tell them apart, at a gigabyte a second.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from streams.core.positions import Span
from streams.worker.chunk import Chunk

# 20,000 callbacks have 400,000.
_MOST_COMMAS = 1_000_000
# The receiver's largest body has 50,000 of them when it is full of callbacks.
_HEAVY_COMMAS = 100_000
_COMMA = ord(",")
_FEW_BYTES = 1 << 16


def portions(chunks: Sequence[Chunk]) -> Iterator[tuple[list[Chunk], bool]]:
    """Split chunks of different partitions into portions, each partition in order.

    Yields:
        Chunks of different partitions, and whether they are one record that takes
        seconds.
    """
    if not _may_be_heavy(chunks):
        yield list(chunks), False
        return
    weights = [[_commas(record.value) for record in chunk.records] for chunk in chunks]
    for chunk, of_records in zip(chunks, weights, strict=True):
        for part, weight in _parts(chunk, of_records):
            yield [part], weight >= _HEAVY_COMMAS and len(part.records) == 1


def _may_be_heavy(chunks: Sequence[Chunk]) -> bool:
    """Tell whether all commas, or one record's, may be too many.

    To count them record by record takes as long as all other steps of a small record.
    """
    found = 0
    for chunk in chunks:
        all_values = (record.value for record in chunk.records)
        values = [value for value in all_values if isinstance(value, bytes)]
        if max(map(len, values), default=0) >= _HEAVY_COMMAS:
            return True
        content = b"".join(values)
        # An element and its comma are two bytes at least.
        found += len(content) // 2 if len(content) < _FEW_BYTES else _commas_of(content)
    return found > _MOST_COMMAS


def _commas_of(content: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(content, np.uint8) == _COMMA))


def _commas(value: bytes | None) -> int:
    return value.count(b",") if isinstance(value, bytes) else 0


def _parts(chunk: Chunk, weights: Sequence[int]) -> Iterator[tuple[Chunk, int]]:
    """Split a chunk between records; one that is heavy is alone."""
    begin, start, weight = 0, chunk.span.start, 0
    for place, more in enumerate(weights):
        before = weights[place - 1] if place else 0
        is_full = weight + more > _MOST_COMMAS
        if place > begin and (is_full or max(more, before) >= _HEAVY_COMMAS):
            end = chunk.records[place].offset
            records = chunk.records[begin:place]
            yield Chunk(chunk.partition, Span(start, end), records), weight
            begin, start, weight = place, end, 0
        weight += more
    rest = Span(start, chunk.span.end)
    yield Chunk(chunk.partition, rest, chunk.records[begin:]), weight
