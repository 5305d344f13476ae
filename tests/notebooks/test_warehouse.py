"""The helper that notebooks import."""

from pathlib import Path

import pytest

from streams.warehouse.notebook import Warehouse
from tests.sql.archive import NOON, Archive, cell

# DuckDB drops a column the old way where a time has a zone.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
COUNT = "select sum(events)::bigint as events from failure_rates_by_minute"


def _filled(data_dir: Path, events: int) -> None:
    Archive(data_dir).add_counts([cell(events)])


def test_answer_is_a_table_with_times_in_utc(tmp_path: Path) -> None:
    """Parameters go in by name, a pandas table comes out."""
    _filled(tmp_path, 7)

    found = Warehouse(tmp_path).ask(
        "select window_start, events from failure_rates_by_minute "
        "where country = $country",
        country="US",
    )

    assert list(found.columns) == ["window_start", "events"]
    assert found.window_start[0] == NOON
    assert str(found.window_start.dtype) == "datetime64[us, UTC]"
    assert found.events[0] == 7


def test_tables_made_by_one_question_are_there_for_the_next(tmp_path: Path) -> None:
    """A notebook can keep what it found under a name."""
    warehouse = Warehouse(tmp_path)

    warehouse.ask(
        "create temp table kept as select $number::integer as number", number=3
    )

    assert warehouse.ask("from kept").number[0] == 3


@pytest.mark.parametrize("here", ["", "notebooks"])
def test_data_is_found_beside_the_notebooks(
    here: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started in the checkout or in its folder of notebooks, it reads ./data."""
    (tmp_path / "notebooks").mkdir()
    _filled(tmp_path / "data", 5)
    monkeypatch.delenv("UNDELIVERED_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path / here)

    warehouse = Warehouse()

    assert warehouse.data_dir == tmp_path / "data"
    assert warehouse.ask(COUNT).events[0] == 5


def test_archive_that_is_here_comes_before_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder that the settings name is taken when it holds an archive."""
    _filled(tmp_path / "data", 5)
    _filled(tmp_path / "notebooks" / "data", 6)
    monkeypatch.delenv("UNDELIVERED_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path / "notebooks")

    assert Warehouse().ask(COUNT).events[0] == 6


def test_variable_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UNDELIVERED_DATA_DIR goes for notebooks as for every command."""
    _filled(tmp_path / "elsewhere", 9)
    monkeypatch.setenv("UNDELIVERED_DATA_DIR", str(tmp_path / "elsewhere"))

    assert Warehouse().ask(COUNT).events[0] == 9
