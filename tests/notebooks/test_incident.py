"""The incident's notebook: found, explained and evidenced on the demo's traffic."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pytest

from streams.stack import traffic
from tests.notebooks.archived import archive
from tests.notebooks.executing import (
    INCIDENT,
    complaints,
    drawn,
    executed,
    pictures,
    printed,
)

UNTIL = datetime(2026, 5, 4, 16, tzinfo=UTC)
SINCE = UNTIL - timedelta(hours=traffic.INCIDENT.hours)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """Return the notebook as executed on the demo's traffic."""
    folder = tmp_path_factory.mktemp("incident")
    archive(folder / "data", traffic.bodies(4770, UNTIL), UNTIL)
    return executed(INCIDENT, folder / "data", folder)


def test_each_step_comes_to_the_incident(told: nbformat.NotebookNode) -> None:
    """What changed, since when, whose fault it looks like, which messages show it."""
    said = printed(told)

    assert re.search(r"of it is 4770 at EE in GB \(carrier spam filter", said)
    assert f"since {SINCE:%Y-%m-%d %H:%M} UTC it is certainly more" in said
    assert "which points to the carrier" in said
    assert "--country GB --carrier 'EE' --error-code 4770 --format csv" in said
    assert re.search(r"^[0-9]{2,} events\. All of them:", said, re.MULTILINE)


def test_each_picture_is_drawn_and_nothing_complained_about(
    told: nbformat.NotebookNode,
) -> None:
    """Two pictures, no warning."""
    assert drawn(told) == [1, 1]
    assert complaints(told) == []


def test_without_an_archive_it_says_so(tmp_path: Path) -> None:
    """A sentence, no picture, no traceback."""
    notebook = executed(INCIDENT, tmp_path / "data", tmp_path)

    assert "Nothing made the failure rate rise." in printed(notebook)
    assert [pictures(cell) for cell in notebook.cells if pictures(cell)] == []
