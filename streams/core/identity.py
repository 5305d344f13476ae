"""The identity of an event: message id, destination, type, channel, error code."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

# Rises when the same columns give another hash: what was remembered before is no use.
HASH_VERSION = 1
IDENTITY_COLUMNS = (
    "message_id",
    "destination",
    "event_type",
    "channel",
    "error_code",
)

_FREE = np.uint64(0)


def hashes(rows: pa.Table | pa.RecordBatch) -> Hashes:
    """Return each row's identity as 64 bits, the same in every version and process.

    Args:
        rows: N rows with the columns of ``IDENTITY_COLUMNS``.

    Returns:
        N hashes, none of them zero (zero marks a free slot of the memory).

    Source:
        xxHash, XXH3 64 bits, https://github.com/Cyan4973/xxHash. At 20 million
        remembered events one new event in 10^12 is taken for a copy.
    """
    keys = pc.cast(_joined(rows), pa.binary()).to_pylist()
    found = np.fromiter(map(xxhash.xxh3_64_intdigest, keys), np.uint64, len(keys))
    found[found == _FREE] = 1
    return found


def _joined(rows: pa.Table | pa.RecordBatch) -> pa.Array:
    """Join the columns so that no two identities give the same text.

    Each column is written with its length before it: a separator alone could be part
    of what a provider sends. A null is written with no length.
    """
    parts: list[pa.Array] = []
    for name in IDENTITY_COLUMNS:
        text = pc.cast(rows[name], pa.string())
        length = pc.cast(pc.binary_length(text), pa.string())
        parts += [pc.fill_null(length, ""), pc.fill_null(text, "")]
    return pc.binary_join_element_wise(*parts, ":")
