"""Settings: values that would fail far away are refused by name."""

from pathlib import Path

import pytest

from streams.settings import ConfigurationError, load


@pytest.mark.parametrize(
    "folder", ["a[1]", "a^", "a|b", "a\\b", "a\tb", "a%20b", "run=1/data"]
)
def test_folder_whose_tables_cannot_be_read_is_refused(folder: str) -> None:
    """The storage libraries would panic on it, or read other files or columns."""
    with pytest.raises(ConfigurationError, match=r"data_dir .*cannot be"):
        load(data_dir=Path(folder))


def test_folder_is_judged_by_its_full_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default, ``data``, is relative: where it lies matters."""
    inside = tmp_path / "run=1"
    inside.mkdir()
    monkeypatch.chdir(inside)

    with pytest.raises(ConfigurationError, match="holds '='"):
        load()


@pytest.mark.parametrize("folder", ["data", "with blank", "ü", "it's", "100%", "a+b"])
def test_any_other_folder_is_taken(folder: str) -> None:
    """Blanks, letters of any language and most signs are fine."""
    assert load(data_dir=Path(folder)).data_dir == Path(folder)
