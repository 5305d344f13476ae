"""What an import leaves out, read from an archive of rows."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from streams.archive import known, table
from streams.core import identity
from tests.sql.archive import Archive, Row, callback, parked


def read(data_dir: Path) -> known.Known:
    """Read the archive."""
    return known.read(table.callbacks(data_dir), lambda _done, _total: None)


def identities(*rows: Row) -> identity.Hashes:
    """Return the identities of rows."""
    return identity.hashes(pa.Table.from_pylist(list(rows)))


@pytest.mark.parametrize("at_once", [1, 2, 20_000])
def test_events_of_all_files_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Each event once, whatever the log, the file and the rows read at once."""
    monkeypatch.setattr(known, "_ROWS_AT_ONCE", at_once)
    archive = Archive(tmp_path)
    first = [callback(n) for n in range(3)]
    later = [callback(3, log_id="another"), callback(4, error_code=4720, channel=None)]
    copy = callback(5, message_id="copied", is_copy=True)
    archive.add_callbacks(first)
    archive.add_callbacks([*later, copy, parked(6, message_id="m6")])
    unknown = [callback(9), callback(4), callback(5), copy]

    found = read(tmp_path)

    assert found.has_events(identities(*first, *later)).all()
    assert not found.has_events(identities(*unknown)).any()
    assert found.events.tolist() == sorted(identities(*first, *later).tolist())


def test_only_what_imports_parked_is_known_as_parked(tmp_path: Path) -> None:
    """By place and bytes; what came by HTTP has neither place nor claim."""
    archive = Archive(tmp_path)
    ours = parked(1, source="import", origin="file:1", raw=b"null")
    forgotten = parked(2, source="import", origin="file:2", raw=None)
    others = [parked(3, origin="file:3", raw=b"null"), parked(4, source=None)]
    archive.add_callbacks([ours, forgotten, *others, callback(5, source="import")])

    found = read(tmp_path)

    assert found.has_parked("file:1", b"null")
    assert not found.has_parked("file:1", b"nil")
    assert not found.has_parked("file:11", b"ull")
    assert found.has_parked("file:2", b"anything")
    assert not found.has_parked("file:3", b"null")


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows read, of how many."""
    monkeypatch.setattr(known, "_ROWS_AT_ONCE", 2)
    archive = Archive(tmp_path)
    archive.add_callbacks([callback(n) for n in range(5)])
    told: list[tuple[int, int]] = []

    known.read(table.callbacks(tmp_path), lambda done, of: told.append((done, of)))

    assert told == [(2, 5), (4, 5), (5, 5)]


def test_an_archive_without_rows_knows_nothing(tmp_path: Path) -> None:
    """A first import sends everything."""
    for found in (read(tmp_path), known.nothing()):
        assert not found.has_events(np.array([1, 2], np.uint64)).any()
        assert not found.has_parked("file:1", b"")
