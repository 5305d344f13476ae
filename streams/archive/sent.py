"""Table sent: the messages that were sent, each once, whatever is imported how often.

Rows are told apart by message and number, lines that cannot be read by their bytes. A
commit moves a transaction that every import moves: of two at once the second is
refused, reads what the first has added, and leaves that out.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from streams.archive.table import ArchiveTable, CommitRefusedError
from streams.core import sent
from streams.core.identity import Hashes, Mask
from streams.core.positions import transaction_id

# Not the name of a position: counts the commits of imports.
_IMPORTS, _NUMBER = "imports", 0
_KEY_COLUMNS = ["message_id", "destination", "raw"]
_ROWS_AT_ONCE = 20_000
_TRIES = 20


class Added(NamedTuple):
    """How many rows were new: messages, and lines that cannot be read."""

    messages: int
    unreadable: int


class SentTable:
    """The table, and the keys of all its rows: 8 bytes each."""

    def __init__(self, held: ArchiveTable) -> None:
        """Read which rows the table has.

        Raises:
            CommitFailedOrUnknownError: It cannot be read.
        """
        self._held = held
        self._keys = np.empty(0, np.uint64)
        self._read_paths: set[str] = set()
        self._catch_up()

    def __len__(self) -> int:
        """Return how many rows the table had when it was looked at last."""
        return len(self._keys)

    def add(self, rows: pa.Table) -> Added:
        """Commit the rows that the table does not have, in one transaction.

        Args:
            rows: In the table's schema; some may be there, or be twice among these.

        Returns:
            How many were new; they are on the disk.

        Raises:
            CommitRefusedError: Others import all the time.
            CommitFailedOrUnknownError: Anything else; the table is exact as it is.
        """
        keys = _keys(rows)
        name = transaction_id(_IMPORTS, _NUMBER)
        for left in reversed(range(_TRIES)):
            self._held.refresh()
            before = self._held.position(_IMPORTS, _NUMBER)
            self._catch_up()
            new = rows.filter(pa.array(self._are_new(keys)))
            if not len(new):
                return Added(0, 0)
            try:
                self._held.commit(new, {name: before}, {name: before + 1})
            except CommitRefusedError:
                if not left:
                    raise
            else:
                return Added(new["problem"].null_count, _valid(new["problem"]))
        raise AssertionError  # the loop returns or raises

    def _are_new(self, keys: Hashes) -> Mask:
        """Return for each key whether nobody has it, and none before it here."""
        is_first = np.zeros(len(keys), np.bool_)
        is_first[np.unique(keys, return_index=True)[1]] = True
        if len(self._keys):
            places = np.searchsorted(self._keys, keys)
            is_first &= self._keys[np.minimum(places, len(self._keys) - 1)] != keys
        return is_first

    def _catch_up(self) -> None:
        """Read the keys of files that were not looked at yet.

        A file that upkeep has put together has keys that are known already.
        """
        paths = {file["path"] for file in self._held.files(["path"])}
        found = [self._keys]
        for path in sorted(paths - self._read_paths):
            with self._held.place.parquet(path) as file:
                batches = file.iter_batches(_ROWS_AT_ONCE, columns=_KEY_COLUMNS)
                found += map(_keys, batches)
        self._read_paths = paths
        if len(found) > 1:
            self._keys = np.unique(np.concatenate(found))


def _valid(column: pa.ChunkedArray) -> int:
    return len(column) - int(column.null_count)


def _keys(rows: pa.Table | pa.RecordBatch) -> Hashes:
    return np.fromiter(_keys_one_by_one(rows), np.uint64, len(rows))


def _keys_one_by_one(rows: pa.Table | pa.RecordBatch) -> Iterator[int]:
    columns = (rows[name].to_pylist() for name in _KEY_COLUMNS)
    for message_id, destination, raw in zip(*columns, strict=True):
        if message_id is None:
            yield sent.key_of_unreadable(raw)
        else:
            yield sent.key(message_id, destination)
