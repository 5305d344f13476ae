"""What a fetch brought is taken in by portions that memory can bear."""

import asyncio
from pathlib import Path

import pytest

from streams.core.positions import Span
from streams.worker.chunk import Chunk
from streams.worker.portions import portions
from tests.worker import logs
from tests.worker.logs import BEGIN_MS, Record, body
from tests.worker.test_holding import Broker, archived

HEAVY = b"[" + b"1," * 2_000 + b"1]"


@pytest.fixture(autouse=True)
def light_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make limits a fiftieth, so that little is enough to reach them."""
    monkeypatch.setattr("streams.worker.portions._HEAVY_COMMAS", 2_000)
    monkeypatch.setattr("streams.worker.portions._MOST_COMMAS", 20_000)


def chunk(partition: int, start: int, *values: bytes | None) -> Chunk:
    """Return records at every second offset, the last one a marker."""
    records = [Record(start + 2 * k, BEGIN_MS, value) for k, value in enumerate(values)]
    return Chunk(partition, Span(start - 1, start + 2 * len(values)), records)


def test_ordinary_records_stay_together() -> None:
    """All partitions at once, as they were fetched; none is a portion, too."""
    chunks = [chunk(0, 5, body("a"), None), chunk(1, 7, body("b")), chunk(2, 3)]

    assert list(portions(chunks)) == [(chunks, False)]


@pytest.mark.parametrize(
    ("values", "sizes"),
    [
        pytest.param([HEAVY], [1], id="alone"),
        pytest.param([body("a"), HEAVY, body("b"), None], [1, 1, 2], id="between"),
        pytest.param([HEAVY, HEAVY], [1, 1], id="two"),
        pytest.param([b"," * 1_800] * 25, [11, 11, 3], id="many"),
    ],
)
def test_heavy_records_come_apart(values: list[bytes | None], sizes: list[int]) -> None:
    """Each alone, no record and no offset left out or twice, in order."""
    whole = chunk(3, 10, *values)

    found = list(portions([chunk(1, 1, body("c")), whole]))

    (other,) = [c for part, _ in found for c in part if c.partition == 1]
    assert len(other.records) == 1
    parts = [c for part, _ in found for c in part if c.partition == 3]
    assert [len(part.records) for part in parts] == sizes
    assert [r for part in parts for r in part.records] == list(whole.records)
    ends = [whole.span.start, *[part.span.end for part in parts]]
    assert ends[-1] == whole.span.end
    assert [part.span.start for part in parts] == ends[:-1]
    for part in parts:
        assert part.span.start <= part.records[0].offset
        assert part.records[-1].offset < part.span.end
    heavy = [is_heavy for part, is_heavy in found if part[0].partition == 3]
    assert heavy == [part.records[0].value == HEAVY for part in parts]


async def test_a_heavy_record_does_not_stop_the_loop(tmp_path: Path) -> None:
    """The worker goes on answering while it reads 2,001 rows; all are archived."""
    holding = Broker(end=9).holding(tmp_path)
    await holding.assign([0])
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    taking = asyncio.create_task(holding.take_in(chunk(0, 1, body("a"), HEAVY)))
    flushing = asyncio.create_task(holding.flush_for_ever(0.01, 3_600))
    await taking
    counting.cancel()
    flushing.cancel()
    await holding.close()

    assert turns > 3
    assert sorted(set(archived(tmp_path))) == [1, 3]
    assert len(logs.rows(tmp_path, "callbacks")) == 2_002
