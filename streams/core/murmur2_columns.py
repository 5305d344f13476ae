"""Kafka's hash of message ids, a column of them at once.

The same numbers as ``murmur2.hash_of`` gives one by one, in a tenth of the time.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streams.core.murmur2 import hash_of

Hashes = npt.NDArray[np.uint32]

_SEED, _MULTIPLIER = 0x9747B28C, np.uint32(0x5BD1E995)
# Fewer ids of one length are quicker one by one.
_FEW = 16


def hashes(texts: pa.Array) -> Hashes:
    """Hash each text as UTF-8.

    Args:
        texts: N strings, none of them null.

    Returns:
        N hashes, 32 bits.

    Source:
        Austin Appleby's MurmurHash2 with Kafka's seed (Utils.murmur2).
    """
    content, begins, lengths = _buffers(texts)
    found = np.empty(len(texts), np.uint32)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        starts = begins[rows]
        if len(rows) < _FEW:
            spans = (content[start : start + length] for start in starts.tolist())
            found[rows] = [hash_of(span.tobytes()) for span in spans]
        else:
            found[rows] = _of_one_length(content[starts[:, None] + np.arange(length)])
    return found


def _buffers(
    texts: pa.Array,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return all bytes, and where each text begins and how long it is."""
    _, offsets, content = texts.cast(pa.string()).buffers()
    span = slice(texts.offset, texts.offset + len(texts) + 1)
    ends = np.frombuffer(offsets, np.int32)[span].astype(np.int64)
    held = b"" if content is None else content
    return np.frombuffer(held, np.uint8), ends[:-1], np.diff(ends)


def _of_one_length(texts: npt.NDArray[np.uint8]) -> Hashes:
    """Hash rows of bytes, shape (N, length)."""
    count, length = texts.shape
    whole = length & ~3
    words = np.ascontiguousarray(texts[:, :whole]).view("<u4").T
    result: Hashes = np.full(count, (_SEED ^ length) & 0xFFFFFFFF, np.uint32)
    for word in words.astype(np.uint32):
        mixed = word * _MULTIPLIER
        mixed = (mixed ^ mixed >> np.uint32(24)) * _MULTIPLIER
        result = (result * _MULTIPLIER) ^ mixed
    if length > whole:
        for place in range(whole, length):
            byte = texts[:, place].astype(np.uint32)
            result ^= byte << np.uint32(8 * (place - whole))
        result = result * _MULTIPLIER
    result = (result ^ result >> np.uint32(13)) * _MULTIPLIER
    return result ^ result >> np.uint32(15)
