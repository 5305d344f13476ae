"""The names of a Delta table's transactions: delta-rs tells versions, but no names."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow.parquet as pq


def names(table: Path) -> set[str]:
    """Read the names from the newest checkpoint and the entries after it.

    Args:
        table: The table's folder.

    Returns:
        Those of positions, ``<log_id>/<partition>``.

    Source:
        Delta transaction log protocol, "Transaction Identifiers" and "Checkpoints".
    """
    log = table / "_delta_log"
    checkpoint = _newest_checkpoint(log)
    after = max((_version(file) for file in checkpoint), default=-1)
    found = {name for file in checkpoint for name in _in_checkpoint(file)}
    for entry in log.glob("*.json"):
        if entry.stem.isdigit() and _version(entry) > after:
            found.update(_in_entry(entry))
    return {name for name in found if name.rpartition("/")[2].isdecimal()}


def _version(file: Path) -> int:
    return int(file.name.partition(".")[0])


def _newest_checkpoint(log: Path) -> list[Path]:
    """Return the files of the newest checkpoint, which may have several parts."""
    files = list(log.glob("*.checkpoint*.parquet"))
    newest = max(map(_version, files), default=-1)
    return [file for file in files if _version(file) == newest]


def _in_checkpoint(file: Path) -> Iterator[str]:
    if "txn" in pq.read_schema(file).names:
        column = pq.read_table(file, columns=["txn"])["txn"]
        yield from (txn["appId"] for txn in column.drop_null().to_pylist())


def _in_entry(entry: Path) -> Iterator[str]:
    for line in entry.read_bytes().splitlines():
        if transaction := msgspec.json.decode(line).get("txn"):
            yield transaction["appId"]
