"""Repair: what is counted wrong is derived again, and nothing else is touched."""

import pytest

from streams.archive.table import window_counts
from streams.archive.upkeep import FENCE
from streams.settings import ConfigurationError
from streams.warehouse import check, repair, snapshot
from tests.sql.archive import NOON, Archive, at, callback, cell

CODE = {"event_type": "message-failed", "error_code": 4770}
SUMS = """
select outcome, error_code, sum(events), sum(segments)
from failure_rates_by_minute group by all having sum(events) <> 0 order by all
"""


def wrong(archive: Archive) -> None:
    """Count one event twice, one with a wrong code, and one not at all."""
    archive.add_callbacks(
        [callback(0), callback(1, **CODE), callback(2, segment_count=3), callback(3)]
    )
    archive.add_counts(
        [
            cell(2, to_position=3),
            cell(1, outcome="failed", error_code=4720, to_position=3),
        ]
    )


def test_wrong_cells_are_derived_again(archive: Archive) -> None:
    """Afterwards the check finds nothing, and the increments add up to the events."""
    wrong(archive)
    assert len(check.run(archive.data_dir).findings) == 3

    assert repair.run(archive.data_dir) == 3

    assert check.run(archive.data_dir).findings == ()
    assert archive.rows(SUMS) == [("delivered", None, 2, 4), ("failed", 4770, 1, 1)]
    assert repair.run(archive.data_dir) == 0


def test_what_comes_meanwhile_is_untouched(archive: Archive) -> None:
    """Increments beyond the compared position, and the position, stay."""
    wrong(archive)
    repair.run(archive.data_dir)
    later = cell(1, from_position=3, to_position=4)
    archive.add_counts([later])

    assert check.run(archive.data_dir).findings == ()
    assert snapshot.take(archive.data_dir).window_counts.position("a-log", 0) == 4


def test_lost_increments_are_derived_again(archive: Archive) -> None:
    """None of its events is counted, and one that never was is."""
    archive.add_callbacks([callback(0), callback(1, **CODE, event_time=at("11:00:00"))])
    archive.add_counts([cell(1, country="CA", to_position=2)])

    assert repair.run(archive.data_dir) == 3

    assert check.run(archive.data_dir).findings == ()


def test_two_repairs_at_once_do_not_both_correct(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds that the first came between, and says so."""
    wrong(archive)
    seen = snapshot.take(archive.data_dir)
    repair.run(archive.data_dir)
    monkeypatch.setattr(snapshot, "take", lambda _: seen)

    with pytest.raises(ConfigurationError, match=r"run check --repair again"):
        repair.run(archive.data_dir)


def test_nothing_wrong_writes_nothing(archive: Archive) -> None:
    """No commit, no new version."""
    archive.add_callbacks([callback(0)])
    archive.add_counts([cell(1, to_position=1)])
    table = window_counts(archive.data_dir)
    table.refresh()

    assert repair.run(archive.data_dir) == 0

    assert table.position(FENCE, 0) == 0
    assert NOON.year == 2026


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ({"kafka_partition": 1}, "in another partition"),
        ({"log_id": "new-log"}, "in another log"),
        ({}, "after longer than a worker remembers"),
    ],
)
def test_copies_nobody_could_know_are_a_note(
    archive: Archive, second: dict[str, object], reason: str
) -> None:
    """They are counted, are no fault, and are said with their reason."""
    archive.add_callbacks(
        [callback(0), callback(0, message_id="m0", **({"kafka_offset": 1} | second))]
    )

    notes = [n for n in check.run(archive.data_dir).notes if "copies_beyond" in n]

    [note] = notes
    assert reason in note
    assert '"events":1' in note
