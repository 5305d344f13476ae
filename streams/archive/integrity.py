"""Whether a table is whole, and up to which version it is.

Writers on one machine make an entry of the log appear whole, and its files before it:
one that is torn, or lacks a file, is what was not on the disk when the power failed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from streams.archive import syncing

# Beside delta-rs's own figures in the entry: how many transactions it has.
POSITIONS_KEY = "positions"
# What an upkeep has put together is larger, and was synced before an entry named it.
_MOST_BYTES_READ = 64 << 20


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with a table.

    Attributes:
        table: Its folder.
        version: The first version that is not whole.
        path: The file that shows it.
        what: What is wrong with that file.
        is_new: It may not have been on the disk when the power failed: the versions
            from this one on can be taken back.
    """

    table: Path
    version: int
    path: Path
    what: str
    is_new: bool

    def __str__(self) -> str:
        """Name file and version."""
        return (
            f"{self.path} {self.what}, of version {self.version} of table "
            f"{self.table.name}"
        )


def log_of(table: Path) -> Path:
    """Return the folder of a table's log."""
    return table / "_delta_log"


def entries(table: Path) -> dict[int, Path]:
    """Return the entries of a table's log by version, the oldest first."""
    found = {int(f.stem): f for f in log_of(table).glob("*.json") if f.stem.isdigit()}
    return dict(sorted(found.items()))


def checkpoints(table: Path) -> dict[int, list[Path]]:
    """Return the checkpoints by version, the oldest first; each may have parts."""
    found: dict[int, list[Path]] = {}
    for file in sorted(log_of(table).glob("*.checkpoint*.parquet")):
        found.setdefault(int(file.name.partition(".")[0]), []).append(file)
    return found


def damage(table: Path) -> Damage | None:
    """Look a table through; return the first thing that is wrong.

    Everything newer than the version known to be on the disk is read as a whole; of
    older files, whether they are there and as long as they should be.

    Args:
        table: Its folder; nothing is wrong where there is no table.
    """
    known = syncing.known_version(table)
    there = entries(table)
    if not there and not checkpoints(table):
        return None
    found = _in_log(table, there, known)
    if found is None:
        found = _in_new_files(table, there, known)
    newest = max(there, default=-1) if found is None else found.version - 1
    if newest < 0:
        return found
    # Old damage counts first: nothing is taken back from what cannot be read anyway.
    return _in_old_files(table, there, newest, known) or found


def torn_checkpoints(table: Path) -> list[Path]:
    """Return checkpoints that cannot be read, and the pointer if it leads to none."""
    torn = [
        part
        for parts in checkpoints(table).values()
        if any(_rows_in(part) is None for part in parts)
        for part in parts
    ]
    pointer = log_of(table) / "_last_checkpoint"
    if pointer.exists():
        good = {v for v, parts in checkpoints(table).items() if parts[0] not in torn}
        try:
            version = msgspec.json.decode(pointer.read_bytes())["version"]
        except (msgspec.DecodeError, KeyError, TypeError):
            version = None
        if version not in good:
            torn.append(pointer)
    return torn


def _in_log(table: Path, there: dict[int, Path], known: int) -> Damage | None:
    torn = torn_checkpoints(table)
    good = [v for v, parts in checkpoints(table).items() if parts[0] not in torn]
    first = max(good, default=-1) + 1
    newest = max(there, default=first - 1)
    for version in range(first, newest + 1):
        entry = there.get(version, log_of(table) / f"{version:020d}.json")
        what = _entry_fault(entry)
        if what is not None:
            return Damage(table, version, entry, what, version > known)
    return None


def _entry_fault(entry: Path) -> str | None:
    """Return what is wrong with an entry of the log, or None."""
    try:
        lines = entry.read_bytes().splitlines()
    except FileNotFoundError:
        return "is missing"
    try:
        actions = [msgspec.json.decode(line) for line in lines]
    except msgspec.DecodeError:
        return "is torn"
    told = next((a["commitInfo"] for a in actions if "commitInfo" in a), None)
    if told is None:
        return "is torn"
    expected = told.get(POSITIONS_KEY)
    if expected is not None and int(expected) != _count(actions, "txn"):
        return "is torn"
    if told.get("operation") == "WRITE":
        files = (told.get("operationMetrics") or {}).get("num_added_files")
        if files is not None and int(files) != _count(actions, "add"):
            return "is torn"
    return None


def _count(actions: Iterable[dict[str, Any]], name: str) -> int:
    return sum(1 for action in actions if name in action)


def _in_new_files(table: Path, there: dict[int, Path], known: int) -> Damage | None:
    """Read every file that a version not known to be on the disk has added."""
    versions = [version for version in there if version > known]
    removed = {path for v in versions for path, _, _ in _files(there[v], "remove")}
    for version in versions:
        for path, size, rows in _files(there[version], "add"):
            what = _file_fault(table / path, size, rows)
            # What was rewritten since may have been removed for good.
            if what is not None and not (what == "is missing" and path in removed):
                return Damage(table, version, table / path, what, is_new=True)
    return None


def _files(entry: Path, action: str) -> Iterator[tuple[str, int, int | None]]:
    """Yield path, size and rows of the files that an entry adds or removes."""
    for line in entry.read_bytes().splitlines():
        file = msgspec.json.decode(line).get(action)
        if file is not None:
            stats = msgspec.json.decode(file.get("stats") or "{}")
            yield unquote(file["path"]), file.get("size") or 0, stats.get("numRecords")


def _file_fault(path: Path, size: int, rows: int | None) -> str | None:
    if not path.exists():
        return "is missing"
    if path.stat().st_size != size:
        return f"has {path.stat().st_size} bytes instead of {size}"
    if size > _MOST_BYTES_READ:
        return None
    found = _rows_in(path)
    if found is None:
        return "cannot be read"
    return None if rows in {None, found} else f"has {found} rows instead of {rows}"


def _rows_in(path: Path) -> int | None:
    """Read a file as a whole; return how many rows it has, None if it is damaged."""
    try:
        with pq.ParquetFile(path) as file:
            return sum(len(batch) for batch in file.iter_batches())
    except (OSError, ValueError, pa.ArrowException):
        return None


def _in_old_files(
    table: Path, there: dict[int, Path], version: int, known: int
) -> Damage | None:
    """See that every file of a version is there, as long as the log says."""
    if torn_checkpoints(table):
        return None  # it is looked at again when they are out of the way
    snapshot = DeltaTable(str(table), version=version)
    actions = pa.table(snapshot.get_add_actions(flatten=True))
    for path, size in zip(
        actions["path"].to_pylist(), actions["size_bytes"].to_pylist(), strict=True
    ):
        file = table / unquote(path)
        what = None if file.exists() else "is missing"
        if what is None and file.stat().st_size != size:
            what = f"has {file.stat().st_size} bytes instead of {size}"
        if what is not None:
            added = _added_by(there, unquote(path))
            return Damage(table, added, file, what, added > known)
    return None


def _added_by(there: dict[int, Path], path: str) -> int:
    """Return the version that added a file; the oldest one when the log is cleaned."""
    for version, entry in reversed(there.items()):
        if any(path == added for added, _, _ in _files(entry, "add")):
            return version
    return min(there, default=0) - 1
