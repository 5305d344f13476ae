"""What `undelivered watch` makes of the monitor's answers."""

import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from streams.monitor.watch import picture
from streams.monitor.watch.view import Change, Line, View, view_of

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
COUNTRIES = {"MX": "Mexico", "US": "United States"}
CODES = {4770: "Rejected by the carrier as spam"}


def answer(*rows: Mapping[str, Any], since: datetime = NOON) -> dict[str, Any]:
    return {
        "rows": list(rows),
        "as_of": "2026-03-04T12:59:58.250Z",
        "problems": [],
        "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
        "until": "2026-03-04T13:00:00Z",
    }


def whole(failed: int, finished: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    rate = failed / finished
    return {
        "window_start": "2026-03-04T12:00:00Z",
        "failed": failed,
        "finished": finished,
        "failure_rate": rate,
        "unknown_rate": 0.25,
        "low": max(0.0, rate - 0.01),
        "high": min(1.0, rate + 0.01),
    } | more


def part(code: int | None, events: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    rate = events / 100
    return {
        "window_start": "2026-03-04T12:00:00Z",
        "error_code": code,
        "events": events,
        "finished": 100,
        "rate": rate,
        "low": rate,
        "high": rate,
    } | more


def view(**changed: Any) -> View:  # noqa: ANN401
    """Build a view from answers; ``changed`` replaces answers of the last hour."""
    current = {
        "": answer(whole(7, 100)),
        "country": answer(
            whole(5, 60, country="MX", is_other=False),
            whole(2, 40, country=None, is_other=True),
        ),
        "error_code": answer(part(4770, 5, is_other=False)),
    } | changed
    ago = {"change": 0.05, "is_more_than_chance": True}
    week = {"change": None, "is_more_than_chance": False}
    earlier = {
        ("", "1d"): answer(whole(7, 100, **ago)),
        ("", "7d"): answer(whole(7, 100, **week)),
        ("country", "1d"): answer(whole(5, 60, country="MX", **ago)),
        ("country", "7d"): answer(),
        ("error_code", "1d"): answer(part(4770, 5, **ago)),
        ("error_code", "7d"): answer(),
    }
    since = NOON - timedelta(minutes=30)
    late = {"window_start": "2026-03-04T12:30:00Z"}
    courses = {
        "": answer(whole(1, 50), whole(7, 50, **late), since=since),
        "country": answer(whole(5, 30, country="MX", **late), since=since),
        "error_code": answer(part(4770, 5, **late), since=since),
    }
    return view_of(current, earlier, courses)


def drawn(shown: View, *, is_ascii: bool = False, width: int = 120) -> str:
    output = io.StringIO()
    console = Console(file=output, width=width, color_system=None)
    now = NOON + timedelta(hours=1)
    console.print(
        picture.draw(
            shown, now, COUNTRIES, CODES, is_ascii=is_ascii, is_wide=width > 100
        )
    )
    return output.getvalue()


def test_a_course_has_a_place_for_each_window() -> None:
    """Nothing finished is a gap; a code nobody sent is 0 % of what finished."""
    found = view()

    assert found.overall is not None
    assert found.overall.course == [None, 0.02, 0.14]
    assert found.countries[0].course == [None, None, pytest.approx(1 / 6)]
    assert found.codes[0].course == [None, 0.0, 0.05]


def test_changes_stand_in_their_order() -> None:
    """Against yesterday, then last week; not known where there is no earlier row."""
    country, others = view().countries

    assert [change.difference for change in country.changes] == [0.05, None]
    assert [change.is_more_than_chance for change in country.changes] == [True, False]
    assert [change.difference for change in others.changes] == [None, None]
    assert others.is_other


def test_a_picture_names_everything() -> None:
    """Rate with interval, names, meanings, changes and how far the counts are."""
    text = drawn(view())

    assert "7.0 % (6.0-8.0) failed of 100 that finished" in text
    assert "25.0 % without a receipt" in text
    assert "MX Mexico" in text
    assert "4770 Rejected by the carrier as spam" in text
    assert "yesterday +5.0" in text
    assert "others" in text
    assert "Counted up to 2026-03-04 12:59:58 UTC, 2 s ago." in text
    assert "█" in text


def test_a_narrow_terminal_loses_no_number() -> None:
    """Names are cut, counts, rates and changes are not."""
    text = drawn(view(), width=80)

    assert "5 of 60" in text
    assert "8.3 (7.3-9.3)" in text
    assert "+5.0" in text
    assert "4770 Rejected b…" in text
    assert text.count("…") == 1


def test_a_picture_without_blocks_is_ascii() -> None:
    """A terminal that draws no blocks gets none."""
    assert drawn(view(), is_ascii=True).isascii()


def test_nothing_finished_is_said() -> None:
    """An empty hour is a sentence, not a rate."""
    nothing = answer()
    text = drawn(view(**{"": nothing, "country": nothing, "error_code": nothing}))

    assert "Nothing finished in the last hour." in text
    assert text.count("nothing failed") == 2


def test_too_few_are_no_rate() -> None:
    """One failure of one is not shown as 100 %."""
    row = whole(1, 1, country="US", is_other=False) | {"low": 0.2, "high": 1.0}
    text = drawn(view(country=answer(row)))

    assert "too few to tell" in text
    assert "100.0 %" not in text


def test_problems_and_missing_counts_are_said() -> None:
    """Why counts stand still stands under the headline, and steers no terminal."""
    stale = answer(whole(7, 100)) | {"as_of": None, "problems": ["Down.\x1b[2J"]}
    text = drawn(view(**{"": stale}))

    assert "No worker has told how far the counts are." in text
    assert "Down." in text
    assert "\x1b" not in text


def test_a_line_says_the_same() -> None:
    """Rate, worst country, worst code, and how far."""
    assert picture.in_a_line(view(), COUNTRIES, CODES) == (
        "2026-03-04T12:59:58Z; 7.0 % (6.0-8.0) failed of 100; "
        "MX Mexico: 8.3 % (7.3-9.3); "
        "4770 Rejected by the carrier as spam: 5.0 % (5.0-5.0)"
    )


def test_unknown_names_are_said_as_they_are() -> None:
    """No code, a code nobody documented, no country."""
    change = [Change(None, is_more_than_chance=False)] * 2
    line = Line(None, False, 1, 9, 0.1, 0.1, 0.1, (), change)  # noqa: FBT003
    odd = Line(4999, False, 1, 9, 0.1, 0.1, 0.1, (), change)  # noqa: FBT003
    text = drawn(View(None, None, [line], [line, odd], None))

    assert "not told" in text
    assert "no code" in text
    assert "4999 not documented" in text
