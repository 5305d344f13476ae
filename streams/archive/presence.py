"""Who uses an archive: many workers at once, or one that repairs it."""

import fcntl
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LOCK = "in-use.lock"
_LOOK_SECONDS = 0.05
WAIT_SECONDS = 60.0


class ArchiveBusyError(Exception):
    """Somebody repairs the archive, and does not come to an end."""


class Presence:
    """A lock on the archive of one machine; it ends with the process at the latest."""

    def __init__(self, data_dir: Path) -> None:
        """Hold nothing yet.

        Raises:
            OSError: The lock file cannot be made.
        """
        self._file: BinaryIO = (data_dir / LOCK).open("ab")

    def alone(self) -> bool:
        """Use it alone, if nobody else uses it; return whether."""
        return self._lock(fcntl.LOCK_EX)

    def share(self, seconds: float = WAIT_SECONDS) -> None:
        """Use it beside others; wait while somebody uses it alone.

        Raises:
            ArchiveBusyError: It took too long.
        """
        deadline = time.monotonic() + seconds
        while not self._lock(fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                raise ArchiveBusyError
            time.sleep(_LOOK_SECONDS)

    def _lock(self, kind: int) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
            return True
        return False

    def leave(self) -> None:
        """Use it no more."""
        self._file.close()
