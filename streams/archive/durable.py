"""Waiting until files and folders are on the disk; delta-rs never does."""

import os
from collections.abc import Iterable
from pathlib import Path


def sync(paths: Iterable[Path]) -> None:
    """Wait until each file or folder is on the disk.

    Raises:
        OSError: One is not there, or cannot be written.
    """
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
