"""A worker that is stuck ends; one that merely had to wait does not."""

from pathlib import Path

from streams.worker.watching import STUCK_SECONDS, Watch
from tests.worker.test_holding import Broker

HALF = STUCK_SECONDS / 2


async def test_a_partition_that_was_away_is_not_stuck(tmp_path: Path) -> None:
    """It comes back where it was: who had it meanwhile took nothing in either."""
    holding = Broker(end=9).holding(tmp_path)
    await holding.assign([0, 1])
    watch = Watch(holding)
    watch.look({0: 9, 1: 0}, now=100)

    watch.look({1: 0}, now=100 + HALF)
    watch.look({0: 9, 1: 0}, now=100 + STUCK_SECONDS + 1)

    assert not holding.fatal.done()


async def test_while_kafka_is_away_nothing_is_stuck(tmp_path: Path) -> None:
    """Nothing could be fetched; that it is away is said elsewhere."""
    holding = Broker(end=9).holding(tmp_path)
    await holding.assign([0])
    watch = Watch(holding)
    watch.look({0: 9}, now=100)

    watch.forget()
    watch.look({0: 9}, now=100 + STUCK_SECONDS - 1)
    watch.look({0: 9}, now=100 + STUCK_SECONDS + 1)

    assert not holding.fatal.done()


async def test_a_process_that_was_stopped_is_not_stuck(tmp_path: Path) -> None:
    """It wakes up, and its clock has gone on without it."""
    holding = Broker(end=9).holding(tmp_path)
    await holding.assign([0])
    watch = Watch(holding)
    watch.look({0: 9}, now=100)

    watch.look({0: 9}, now=100 + STUCK_SECONDS + 1)

    assert not holding.fatal.done()
