"""The transactions of a Delta table: delta-rs tells a version, but not which there are.

Source:
    Delta transaction log protocol, "Transaction Identifiers" and "Checkpoints".
"""

import re
from collections.abc import Iterator

import msgspec

from streams.archive.place import LOG, Place

_CHECKPOINT = re.compile(r"\d+\.checkpoint.*\.parquet")


def names(table: Place) -> set[str]:
    """Read the names of positions, ``<log_id>/<partition>``, newest version included.

    Args:
        table: Where the table lies.
    """
    return {name for name in read(table) if name.rpartition("/")[2].isdecimal()}


def read(table: Place, version: int | None = None) -> dict[str, int]:
    """Read the version of each transaction, by name.

    Args:
        table: Where the table lies.
        version: The table's version to read; the newest when None.
    """
    there = sorted(table.names(LOG))
    checkpoint = _checkpoint(there, version)
    after = max(map(_version, checkpoint), default=-1)
    found = {
        name: at for file in checkpoint for name, at in _in_checkpoint(table, file)
    }
    for entry in there:
        stem = entry.removesuffix(".json")
        if entry != stem and stem.isdigit() and after < _version(entry):
            if version is not None and _version(entry) > version:
                break
            found.update(_in_entry(table, entry))
    return found


def _version(file: str) -> int:
    return int(file.partition(".")[0])


def _checkpoint(there: list[str], version: int | None) -> list[str]:
    """Return the files of the newest checkpoint, which may have several parts."""
    files = [
        name
        for name in there
        if _CHECKPOINT.fullmatch(name)
        and (version is None or _version(name) <= version)
    ]
    newest = max(map(_version, files), default=-1)
    return [name for name in files if _version(name) == newest]


def _in_checkpoint(table: Place, name: str) -> Iterator[tuple[str, int]]:
    with table.parquet(f"{LOG}/{name}") as file:
        if "txn" in file.schema_arrow.names:
            column = file.read(columns=["txn"])["txn"]
            for txn in column.drop_null().to_pylist():
                yield txn["appId"], txn["version"]


def _in_entry(table: Place, name: str) -> Iterator[tuple[str, int]]:
    for line in table.read(f"{LOG}/{name}").splitlines():
        if b'"txn"' in line and (txn := msgspec.json.decode(line).get("txn")):
            yield txn["appId"], txn["version"]
