"""The counts that are known, and those that a system came to."""

from collections import Counter
from pathlib import Path

import msgspec
from deltalake import DeltaTable

from benchmarks.load import callbacks
from benchmarks.reader import Cell
from streams.core.wire import Callback

Cells = Counter[Cell]


class WrongCountsError(Exception):
    """A system counted something else than what is there."""


def known(count: int) -> Cells:
    """Return the counts of the load's callbacks, without Kafka."""
    decoder = msgspec.json.Decoder(Callback)
    cells: Cells = Counter()
    for _message_id, content in callbacks(count):
        c = decoder.decode(content)
        to = c.destination or ""
        cells[(c.time or "")[:16], c.type, c.error_code, to[:5]] += 1
    return cells


def read(path: Path) -> Cells:
    """Read the counts that a program wrote; cells that are named twice are added."""
    cells: Cells = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        minute, kind, code, number, count = line.split("\t")
        cells[minute, kind, int(code) if code else None, number] += int(count)
    return cells


def compare(found: Cells, right: Cells) -> None:
    """Hold counts to those that are known.

    Raises:
        WrongCountsError: They differ.
    """
    if found != right:
        wrong = sum(found[cell] != right[cell] for cell in found | right)
        raise WrongCountsError(
            f"counted {found.total():,} of {right.total():,} callbacks, "
            f"{wrong:,} of {len(right):,} cells wrong"
        )


def compare_tables(archive: Path, right: Cells) -> None:
    """Hold the two tables of a worker to the counts that are known.

    By minute and error code: the worker knows the country, and names no types.

    Raises:
        WrongCountsError: Rows or counts differ.
    """
    names = ["window_start", "error_code", "events"]
    counted = DeltaTable(archive / "window_counts").to_pyarrow_table(columns=names)
    found: Cells = Counter()
    columns = (counted[name].to_pylist() for name in names)
    for start, code, events in zip(*columns, strict=True):
        found[f"{start:%Y-%m-%dT%H:%M}", "", code, ""] += events
    wanted: Cells = Counter()
    for (minute, _type, code, _number), count in right.items():
        wanted[minute, "", code, ""] += count
    compare(found, wanted)
    rows = DeltaTable(archive / "callbacks").count()
    if rows != right.total():
        raise WrongCountsError(f"kept {rows:,} of {right.total():,} callbacks")
