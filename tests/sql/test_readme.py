"""The README's example in Python: what it shows to copy is run as it stands."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.sql.archive import Archive, cell

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_example_without_our_code_gives_the_rates(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain DuckDB and deltalake sum the increments of each country."""
    archive.add_counts(
        [
            cell(7),
            cell(2),  # a later increment of the same cell
            cell(1, outcome="failed", error_code=4770),
            cell(1, outcome="unknown", country="MX", error_code=9902),
            cell(5, outcome="in_progress"),  # not finished
        ]
    )
    (example,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}

    monkeypatch.chdir(archive.data_dir.parent)
    exec(example, names)  # noqa: S102 - the README is ours

    assert "streams" not in example
    assert names["rates"] == [("MX", None, 1), ("US", 1, 10)]
