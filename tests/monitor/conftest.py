"""Fixtures: an archive, and a monitor over it."""

from pathlib import Path

import pytest

from tests.monitor.world import Monitor
from tests.sql.archive import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Return an archive without tables."""
    return Archive(tmp_path / "data")


@pytest.fixture
def monitor(archive: Archive) -> Monitor:
    """Return a monitor over the archive, not loaded yet."""
    return Monitor(archive)
