"""Fixtures of the SQL tests: an archive to fill, in a folder of its own."""

from pathlib import Path

import pytest

from tests.sql.archive import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Return an archive without tables."""
    return Archive(tmp_path / "data")
