"""What is seen of a worker from outside: metrics of each partition, a line a minute."""

import logging
from pathlib import Path

import pytest

from streams import telemetry
from tests.worker.logs import BEGIN_MS, Record, body, chunk
from tests.worker.test_holding import Broker, records


def value(name: str) -> float | None:
    """Return a metric of partition 0; None where it is not shown."""
    return telemetry.REGISTRY.get_sample_value(
        f"undelivered_{name}", {"partition": "0"}
    )


def gained(name: str, before: dict[str, float | None]) -> float:
    """Return by how much a counter rose."""
    return (value(name) or 0.0) - (before[name] or 0.0)


async def test_each_partition_is_measured(tmp_path: Path) -> None:
    """Positions, rows, copies, trimmed records, and how long a row has waited."""
    counters = ("rows_archived_total", "copies_total", "trimmed_records_total")
    before = {name: value(name) for name in counters}
    holding = Broker(end=9).holding(tmp_path)
    await holding.assign([0])
    assert (value("taken_in_position"), value("position")) == (0, 0)
    assert value("flush_age_seconds") == 0

    await holding.take_in(chunk(records(0, 4)))
    await holding.take_in(chunk([*records(2, 4), Record(4, BEGIN_MS, body("m1"))]))
    await holding.take_in(chunk(records(1, 3)))

    assert (value("taken_in_position"), value("position")) == (5, 0)
    assert (value("flush_age_seconds") or 0) > 0
    assert gained("trimmed_records_total", before) == 4
    await holding._flush_under_lock(counts=True)  # noqa: SLF001 - a flush in time
    assert (value("taken_in_position"), value("position")) == (5, 5)
    assert value("flush_age_seconds") == 0
    assert gained("rows_archived_total", before) == 5
    assert gained("copies_total", before) == 1

    await holding.close()
    assert value("position") is None
    assert value("flush_age_seconds") is None


async def test_a_partition_that_others_moved_is_a_reset(tmp_path: Path) -> None:
    """A refused commit is counted, and what was made again."""
    before = {"resets_total": value("resets_total")}
    broker = Broker(end=9)
    zombie, worker = broker.holding(tmp_path), broker.holding(tmp_path)
    for holding in (zombie, worker):
        await holding.assign([0])
    await zombie.take_in(chunk(records(0, 4)))
    await worker.take_in(chunk(records(0, 2)))
    await worker.close()

    await zombie._flush_under_lock(counts=False)  # noqa: SLF001 - a flush in time

    assert gained("resets_total", before) == 1
    assert zombie.positions() == {0: 2}
    await zombie.close()


async def test_a_line_a_minute_says_what_was_done(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, and not another before a minute is over."""
    holding = Broker(end=9).holding(tmp_path)
    await holding.assign([0])
    await holding.take_in(chunk(records(0, 4)))
    await holding._flush_under_lock(counts=True)  # noqa: SLF001 - a flush in time

    with caplog.at_level(logging.INFO, "streams.worker.measuring"):
        holding.measuring.say({0: 7}, None)
        assert caplog.messages == []
        monkeypatch.setattr("streams.worker.measuring.LINE_SECONDS", 0.0)
        holding.measuring.say({0: 7}, "cannot write the archive")

    (line,) = caplog.messages
    assert line.startswith("cannot write the archive: 1 partitions, ")
    assert "7 records behind" in line
    assert (value("rows_a_second") or 0) > 0
    await holding.close()
