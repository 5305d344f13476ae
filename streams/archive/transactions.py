"""The transactions of a Delta table: delta-rs tells a version, but not which there are.

Source:
    Delta transaction log protocol, "Transaction Identifiers" and "Checkpoints".
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow.parquet as pq


def names(table: Path) -> set[str]:
    """Read the names of positions, ``<log_id>/<partition>``, newest version included.

    Args:
        table: The table's folder.
    """
    return {name for name in read(table) if name.rpartition("/")[2].isdecimal()}


def read(table: Path, version: int | None = None) -> dict[str, int]:
    """Read the version of each transaction, by name.

    Args:
        table: The table's folder.
        version: The table's version to read; the newest when None.
    """
    log = table / "_delta_log"
    checkpoint = _checkpoint(log, version)
    after = max((_version(file) for file in checkpoint), default=-1)
    found = {name: at for file in checkpoint for name, at in _in_checkpoint(file)}
    for entry in sorted(log.glob("*.json")):
        if entry.stem.isdigit() and after < _version(entry):
            if version is not None and _version(entry) > version:
                break
            found.update(_in_entry(entry))
    return found


def _version(file: Path) -> int:
    return int(file.name.partition(".")[0])


def _checkpoint(log: Path, version: int | None) -> list[Path]:
    """Return the files of the newest checkpoint, which may have several parts."""
    files = [
        file
        for file in log.glob("*.checkpoint*.parquet")
        if version is None or _version(file) <= version
    ]
    newest = max(map(_version, files), default=-1)
    return [file for file in files if _version(file) == newest]


def _in_checkpoint(file: Path) -> Iterator[tuple[str, int]]:
    if "txn" in pq.read_schema(file).names:
        column = pq.read_table(file, columns=["txn"])["txn"]
        for txn in column.drop_null().to_pylist():
            yield txn["appId"], txn["version"]


def _in_entry(entry: Path) -> Iterator[tuple[str, int]]:
    for line in entry.read_bytes().splitlines():
        if b'"txn"' in line and (txn := msgspec.json.decode(line).get("txn")):
            yield txn["appId"], txn["version"]
