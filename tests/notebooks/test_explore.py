"""The notebook, executed with a real kernel on the demo's traffic and on nothing."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest

from streams.stack import traffic
from tests.notebooks.archived import archive
from tests.notebooks.executing import (
    EXPLORE,
    INCIDENT,
    complaints,
    drawn,
    executed,
    pictures,
    printed,
    read,
)

SEED = 4770
UNTIL = datetime(2026, 5, 4, 16, tzinfo=UTC)
BEGIN = UNTIL - timedelta(hours=24)  # what the notebook looks at
SINCE = UNTIL - timedelta(hours=traffic.INCIDENT.hours)
FINAL = ("message-delivered", "message-failed")


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    """Return what the provider posted in the demo."""
    return traffic.bodies(SEED, UNTIL)


@pytest.fixture(scope="module")
def explored(
    bodies: Sequence[bytes], tmp_path_factory: pytest.TempPathFactory
) -> nbformat.NotebookNode:
    """Return the notebook as executed on the demo's traffic."""
    folder = tmp_path_factory.mktemp("explored")
    archive(folder / "data", bodies, UNTIL)
    return executed(EXPLORE, folder / "data", folder)


def counted_at_ee(
    bodies: Sequence[bytes], begin: datetime, end: datetime
) -> tuple[int, int]:
    """Count EE's events that failed with 4770, and its finished ones, each once."""
    codes = {}
    for callback in callbacks(bodies):
        if callback.get("carrierName") == "EE" and callback["type"] in FINAL:
            key = (callback["message"]["id"], callback["to"], callback["type"])
            if begin <= datetime.fromisoformat(callback["time"]) < end:
                codes[*key, callback.get("errorCode")] = callback.get("errorCode")
    return list(codes.values()).count(4770), len(codes)


def callbacks(bodies: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """Read the callbacks that a plain reader can."""
    for body in bodies:
        try:
            content = json.loads(body)
        except ValueError:
            continue
        elements = content if isinstance(content, list) else [content]
        yield from (element for element in elements if isinstance(element, dict))


def test_incident_is_found_and_named(explored: nbformat.NotebookNode) -> None:
    """The sentence says since when, which carrier, which country and which code."""
    (sentence,) = re.findall("Since .*", printed(explored))

    assert sentence.startswith(f"Since {SINCE:%Y-%m-%d %H:%M} UTC, ")
    assert "at EE in GB" in sentence
    assert "4770 (carrier spam filter blocked it)" in sentence


def test_incident_is_counted_before_and_since(
    explored: nbformat.NotebookNode, bodies: Sequence[bytes]
) -> None:
    """The table splits the time where it began; its counts are those of the traffic."""
    said = printed(explored)

    for part, begin, end in (("before", BEGIN, SINCE), ("since", SINCE, UNTIL)):
        refused, finished = counted_at_ee(bodies, begin, end)
        row = (part, f"{begin:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}")
        assert re.search(r"\s+".join((*row, str(refused), str(finished))), said)


def test_every_picture_is_drawn(explored: nbformat.NotebookNode) -> None:
    """Each cell that draws shows one picture with something in it."""
    assert drawn(explored) == [1] * 6


def test_nothing_is_complained_about(explored: nbformat.NotebookNode) -> None:
    """No cell writes a warning."""
    assert complaints(explored) == []


def test_counts_are_those_of_the_traffic(
    explored: nbformat.NotebookNode, bodies: Sequence[bytes]
) -> None:
    """The table of outcomes says what a count made without the worker says."""
    counted = traffic.summary(bodies)

    for asked in ("delivered", "failed", "unknown"):
        events = sum(n for (_, outcome, _), n in counted.items() if outcome == asked)
        assert re.search(rf"\b{asked}\s+{events}\b", printed(explored))


def test_empty_archive_is_said_in_sentences(tmp_path: Path) -> None:
    """Without an archive each part says so, and none draws."""
    notebook = executed(EXPLORE, tmp_path / "data", tmp_path)

    said = printed(notebook)
    assert f"There is no callback in {tmp_path / 'data'} yet." in said
    assert "there is no rate to draw" in said
    assert "No rate rose" in said
    assert [pictures(cell) for cell in notebook.cells if pictures(cell)] == []


@pytest.mark.parametrize("name", [EXPLORE, INCIDENT])
def test_notebook_is_kept_without_results(name: str) -> None:
    """What is committed has no outputs, no counts, and nobody's editor settings."""
    notebook = read(name)
    nbformat.validate(notebook)

    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
