"""What every program that is measured says: when it reads, and when it has it all.

``benchmarks.drain`` listens: between the two it takes the time, the CPU time of all the
program's threads and processes, and their memory. Needs no package but the standard
library: some of the programs run in an environment of their own.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

Cell = tuple[str, str, int | None, str]


def begin() -> None:
    """Say that everything is up, and reading begins."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def end(cells: Mapping[Cell, int], path: str | None = None) -> None:
    """Say that everything is counted; once measured, write the counts to a file.

    Args:
        cells: Callbacks by minute, type, error code, first five of the number.
        path: The file; None writes none.
    """
    sys.stdout.write("done\n")
    sys.stdout.flush()
    sys.stdin.readline()
    if path is not None:
        lines = (
            f"{minute}\t{kind}\t{'' if code is None else code}\t{number}\t{count}\n"
            for (minute, kind, code, number), count in cells.items()
        )
        Path(path).write_text("".join(lines), encoding="utf-8")
