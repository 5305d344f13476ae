"""docs/reports.md: what the reports say of the demo's traffic, on any day."""

from pathlib import Path

import pytest

from streams.warehouse import check
from streams.warehouse.queries import of_kind
from tools import demo_archive, demo_sent, reports_page

TEXT = reports_page.PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Archive the demo's traffic; the tests only read it."""
    folder = tmp_path_factory.mktemp("demo")
    demo_archive.write(folder)
    return folder


def test_reports_page_is_current(demo: Path) -> None:
    """The page is what make docs would write; it knows no clock."""
    assert reports_page.page(demo) == TEXT


def test_every_report_has_its_answer() -> None:
    """No report is left out, and each that can has rows."""
    parts = {part.split("\n")[0]: part for part in TEXT.split("\n## ")[1:]}

    assert parts.keys() == {query.name for query in of_kind("report")}
    # The demo's messages never contradict themselves.
    empty = [name for name, part in parts.items() if "\nNo rows." in part]
    assert empty == ["contradictory_outcomes"]


def test_incident_is_found_where_a_person_looks() -> None:
    """What changed names the carrier and the code of the demo's incident first."""
    (part,) = [p for p in TEXT.split("\n## ") if p.startswith("what_changed")]
    first_row = part.split("───\n")[1].splitlines()[0]

    assert first_row.split()[:3] == ["GB", "EE", "4770"]


def test_silent_losses_are_found_where_a_person_looks() -> None:
    """The application without a location comes first, and all its messages are lost."""
    (part,) = [p for p in TEXT.split("\n## ") if p.startswith("reconciliation")]
    lost = part.split("───\n")[1].splitlines()[0].split()
    (listed,) = [p for p in TEXT.split("\n## ") if p.startswith("messages_without")]

    assert demo_sent.WITHOUT_LOCATION.startswith(lost[0])
    assert lost[1:7] == ["40", "0", "0", "40", "0", "0"]
    assert f" of {demo_sent.LOST_OF_IT + demo_sent.LOST_OF_OTHERS} rows;" in listed


@pytest.mark.parametrize("folder", ["", demo_archive.LATER])
def test_check_finds_nothing_wrong_with_the_demo(demo: Path, folder: str) -> None:
    """All identities hold: the parts of every report are the whole."""
    assert check.run(demo / folder).findings == ()
