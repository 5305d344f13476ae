"""What the archive has already: identities of events, and what an import parked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from streams.archive.table import ArchiveTable
from streams.core import identity

IMPORT = "import"

_COLUMNS = (*identity.IDENTITY_COLUMNS, "is_copy", "problem", "source", "origin", "raw")
# 1 million at once would take 300 MB while their texts are joined.
_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Known:
    """What is not to be sent again, sorted: 8 bytes each.

    Attributes:
        events: Identities of the archived events, copies aside.
        parked: Hashes of place and bytes of what imports have parked.
    """

    events: identity.Hashes
    parked: identity.Hashes

    def has_events(self, identities: identity.Hashes) -> identity.Mask:
        """Return for each identity whether the archive has the event."""
        return _are_in(self.events, identities)

    def has_parked(self, origin: str, content: bytes) -> bool:
        """Tell whether an import has parked these bytes of this place."""
        hashes = [parked_hash(origin, content), parked_hash(origin, None)]
        return bool(_are_in(self.parked, np.array(hashes, np.uint64)).any())


def nothing() -> Known:
    """Return what an archive without rows has."""
    return Known(np.empty(0, np.uint64), np.empty(0, np.uint64))


def read(table: ArchiveTable, progress: Callable[[int, int], None]) -> Known:
    """Read everything that the snapshot has.

    Args:
        table: Table callbacks.
        progress: Called with rows read, and rows in all.
    """
    files = table.files()
    total = sum(file["num_records"] for file in files)
    # Filled in place: at no time is there more than one array of them.
    events = np.empty(total, np.uint64)
    count = done = 0
    parked: list[int] = []
    for file in files:
        for rows in _batches(table, file["path"]):
            found = identity.hashes(rows.filter(_is_event(rows)))
            events[count : count + len(found)] = found
            count += len(found)
            done += len(rows)
            parked.extend(_parked_hashes(rows))
            progress(done, total)
    events = events[:count]
    events.sort()
    return Known(events, np.unique(np.array(parked, np.uint64)))


def _batches(table: ArchiveTable, path: str) -> Iterator[pa.RecordBatch]:
    with table.place.parquet(path) as file:
        yield from file.iter_batches(_ROWS_AT_ONCE, columns=list(_COLUMNS))


def _is_event(rows: pa.RecordBatch) -> pa.Array:
    return pc.and_(pc.invert(rows["is_copy"]), pc.is_null(rows["problem"]))


def _parked_hashes(rows: pa.RecordBatch) -> Iterator[int]:
    if rows["problem"].null_count == len(rows):
        return
    ours = pc.fill_null(pc.equal(rows["source"], IMPORT), fill_value=False)
    parked = rows.filter(pc.and_(pc.is_valid(rows["problem"]), ours))
    for row in parked.select(["origin", "raw"]).to_pylist():
        yield parked_hash(row["origin"] or "", row["raw"])


def parked_hash(origin: str, content: bytes | None) -> int:
    """Hash a place and its bytes; without bytes where they are not kept any more."""
    kept = b"" if content is None else b"%d:%b" % (len(content), content)
    return xxhash.xxh3_64_intdigest(b"%b\0%b" % (origin.encode(), kept))


def _are_in(held: identity.Hashes, wanted: identity.Hashes) -> identity.Mask:
    """Look sorted values up: in their order, so that the searches stay close."""
    if not len(held):
        return np.zeros(len(wanted), np.bool_)
    order = np.argsort(wanted)
    places = np.searchsorted(held, wanted[order])
    found = np.empty(len(wanted), np.bool_)
    found[order] = held[np.minimum(places, len(held) - 1)] == wanted[order]
    return found
