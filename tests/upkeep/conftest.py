"""An archive that upkeep has looked after, for those that only read it."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from streams.warehouse import maintain
from tests.upkeep.writing import Writer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an archive that upkeep has looked after, and that was written on since."""
    folder = tmp_path_factory.mktemp("kept")
    writer = Writer(folder)
    for day in (21, 22, 24):
        writer.day(date(2026, 11, day), commits=2, flushes=2)
    wanted = maintain.Wanted(timedelta(days=1), keep=timedelta(days=3))
    maintain.run(folder, wanted, NOW, lambda _what, _done, _total: None)
    writer.day(date(2026, 11, 24), commits=1, flushes=1)
    return folder
