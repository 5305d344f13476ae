"""The program with its narrow moments made wide, for the chaos tests.

Between the look at a table's positions and the write, and between the write and its
answer, a worker run by this waits for up to half a second: what happens there by chance
once in a thousand runs happens in each.
"""

import random
import time

from streams.archive.table import ArchiveTable
from streams.cli import main

_LONGEST_SECONDS = 0.5
_append = ArchiveTable._append  # noqa: SLF001 - the very place that is narrow


def _append_slowly(table: ArchiveTable, *args: object, **kwargs: object) -> None:
    _linger()
    _append(table, *args, **kwargs)  # type: ignore[arg-type]
    _linger()


def _linger() -> None:
    time.sleep(random.uniform(0, _LONGEST_SECONDS))  # noqa: S311 - no secret


if __name__ == "__main__":
    ArchiveTable._append = _append_slowly  # type: ignore[method-assign, assignment]  # noqa: SLF001
    main()
