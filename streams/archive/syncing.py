"""Which versions of a table are known to be on the disk, and putting the others there.

delta-rs writes without waiting for the disk. A position is trusted only when every
version up to it is there: also those that another process wrote and did not live to
sync. The newest version known to be on the disk is noted once a minute beside the
table; what is newer than it may be incomplete after the power failed.
"""

import os
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import msgspec

from streams.archive import durable

_NOTED_EVERY_SECONDS = 60.0


def note_of(table: Path) -> Path:
    """Return the file that holds the version known to be on the disk."""
    return table.with_name(f"{table.name}.synced")


def known_version(table: Path) -> int:
    """Return the newest version known to be on the disk; -1 when none is."""
    try:
        return int(note_of(table).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return -1


class Synced:
    """The versions of one table that are on the disk."""

    def __init__(self, table: Path) -> None:
        """Begin with what is noted."""
        self._table = table
        self._version = known_version(table)
        self._noted_at = 0.0

    @property
    def knows_none(self) -> bool:
        """Tell whether no version is known to be on the disk."""
        return self._version < 0

    def up_to(self, version: int, files: Iterable[str] = ()) -> None:
        """Wait until a version and all before it are on the disk.

        Args:
            version: The version.
            files: Further files that have to be there, relative to the table.

        Raises:
            OSError: Something cannot be written.
        """
        if version <= self._version:
            return
        new = [self._table / name for name in files]
        for number in range(self._version + 1, version + 1):
            new += _of_version(self._table, number)
        _sync_present(new)
        _sync_present({path.parent for path in new})
        log = self._table / "_delta_log"
        durable.sync([log, self._table, self._table.parent, self._table.parent.parent])
        self._version = version
        now = time.monotonic()
        if now - self._noted_at > _NOTED_EVERY_SECONDS:
            self._note()
            self._noted_at = now

    def _note(self) -> None:
        note = note_of(self._table)
        # Another worker may have noted a newer one.
        if known_version(self._table) < self._version:
            # Others may note a version at the same time.
            writer = f"{os.getpid()}-{threading.get_ident()}"
            new = note.with_suffix(f".{writer}.new")
            # Who may only read need not note anything: an older note is true as well.
            with suppress(PermissionError):
                new.write_text(str(self._version), encoding="ascii")
                durable.sync([new])
                new.replace(note)


def _of_version(table: Path, version: int) -> list[Path]:
    """Return what a version added: files, entry, checkpoint; some may have gone."""
    log = table / "_delta_log"
    entry = log / f"{version:020d}.json"
    found = [*log.glob(f"{version:020d}.checkpoint*.parquet")]
    if found:
        found.append(log / "_last_checkpoint")
    try:
        lines = entry.read_bytes().splitlines()
    except FileNotFoundError:  # the log is cleaned of old entries
        return found
    actions = [msgspec.json.decode(line, type=_Action) for line in lines]
    added = [table / unquote(a.add.path) for a in actions if a.add is not None]
    return [*added, entry, *found]


def _sync_present(paths: Iterable[Path]) -> None:
    """Sync what is there: a file that was rewritten meanwhile needs no syncing."""
    for path in paths:
        with suppress(FileNotFoundError):
            durable.sync([path])


class _File(msgspec.Struct):
    path: str


class _Action(msgspec.Struct):
    add: _File | None = None
