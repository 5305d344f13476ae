"""Topic window-counts on a real Kafka: what a reader of its contract adds up is right.

The reader is tests/broker/second_reader.py; the truth is counted from what was sent.
"""

import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streams import topics
from tests.broker import load
from tests.broker.conftest import embedded_kafka, wait_for
from tests.broker.second_reader import LARGEST, SecondReader, by
from tests.broker.test_exactly_once import query, worker

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

FULL = os.environ.get("UNDELIVERED_FULL_LOAD") == "1"
EVENTS = 30_000 if FULL else 1_500
CARRIERS = ("AT&T", '"}]<script>\u2028', "", "🦊" * 3_000)
# Larger than a part of a message: only the table can tell it.
LARGE = "x" * 300_000
BY = ("window_start", "country", "carrier", "outcome", "error_code")


def callbacks(count: int, seed: int) -> list[dict[str, Any]]:
    """Return callbacks of odd carriers; one in ten is late by up to three days."""
    draw = random.Random(seed)  # noqa: S311
    sent = load.callbacks(count, seed)
    same_minute = (datetime.now(UTC) - timedelta(minutes=9)).isoformat()
    for callback in sent:
        callback["carrierName"] = draw.choice(CARRIERS)
        if draw.random() < 0.6:  # cells that grow with every message
            callback |= {"to": "+12065550199", "carrierName": CARRIERS[0]}
            callback["message"]["from"] = "+12065550100"
            callback["time"] = same_minute
        if draw.random() < 0.1:
            late = timedelta(minutes=draw.uniform(1, 3 * 24 * 60))
            at = datetime.fromisoformat(callback["time"]) - late
            callback["time"] = at.isoformat()
    return sent


def expected(sent: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    """Count events by minute, country, carrier, outcome and code."""
    found: Counter[tuple[Any, ...]] = Counter()
    for callback in sent:
        (cell,) = load.expected_cells([callback])
        found[(*cell[:2], callback["carrierName"], *cell[2:])] += 1
    return found


def read_all(reader: SecondReader, servers: str) -> Counter[tuple[Any, ...]]:
    """Wait until the reader's positions are the log's ends; return its totals."""

    def look() -> Counter[tuple[Any, ...]] | None:
        reader.read()
        ends = {n: end for n, end in topics.end_offsets(servers).items() if end}
        there = {n: p for n, p in reader.positions().items() if n in ends}
        totals = reader.totals()
        return totals if there == ends else None

    return by(wait_for(look, "counts up to the log's ends", 90), *BY)


@pytest.fixture
def kafka_of_its_own(tmp_path: Path) -> Iterator[str]:
    """Run a Kafka with topics of its own."""
    with embedded_kafka(tmp_path / "kafka") as servers:
        yield servers


def test_published_counts_are_what_was_sent_and_what_sql_says(
    kafka_of_its_own: str, tmp_path: Path
) -> None:
    """Two workers, one killed; copies, late events, hostile carriers: all agree."""
    servers, data_dir = kafka_of_its_own, tmp_path / "data"
    sent = callbacks(EVENTS, seed=21)
    odd = callbacks(3, seed=20)
    for callback in odd:
        callback["carrierName"] = LARGE
    bodies = load.with_copies(sent, 0.05, seed=22)
    third = len(bodies) // 3
    load.produce(servers, load.with_copies(odd, 0, seed=0) + bodies[:third])
    with worker(servers, data_dir, flush_seconds=1) as (killed, _):
        reader = SecondReader(servers, data_dir)
        try:
            # as_of waits until the table has what is too large for a message.
            _wait_until_counted(reader)
            # From here on nothing is committed: messages alone tell what comes.
            with worker(servers, data_dir) as (survivor, port):
                wait_for(lambda: load.taken_in(port) > 0, "partitions of its own", 60)
                load.produce(servers, bodies[third : 2 * third])
                killed.kill()
                for begin in range(2 * third, len(bodies), third // 4):
                    load.produce(servers, bodies[begin : begin + third // 4])
                    _wait_until_counted(reader)
                published = read_all(reader, servers)
                _assert_signs_of_life(reader, round(time.time() * 1000))
                survivor.send_signal(signal.SIGTERM)
                assert survivor.wait(30) == 0
                at_the_end = read_all(reader, servers)
                by_the_example = by(_read_by_the_example(servers, data_dir), *BY)
        finally:
            reader.close()

    in_sql = query(
        data_dir,
        "select date_trunc('minute', event_time), destination_country, carrier_name, "
        "event_type, error_code, count(*) "
        "from callbacks where not is_copy group by all",
    )
    truth = expected(sent + odd)
    assert at_the_end == truth
    assert by_the_example == truth
    assert published == truth
    assert _by_outcome(in_sql) == truth
    _assert_as_the_contract_says(reader)


def _read_by_the_example(servers: str, data_dir: Path) -> Counter[tuple[Any, ...]]:
    """Run the reader that docs/live-counts.md shows."""
    page = (Path(__file__).parents[2] / "docs" / "live-counts.md").read_text()
    code = page.split("```python\n")[1].split("```")[0]
    code = code.replace("127.0.0.1:9092", servers)
    code = code.replace("data/archive", str(data_dir / "archive"))
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - what a reader of the page would do
    names["consumer"].close()
    return Counter(
        {
            (datetime.fromtimestamp(cell[0], UTC), *cell[1:]): events
            for cell, events in names["totals"].items()
        }
    )


def _wait_until_counted(reader: SecondReader) -> None:
    """Wait until everything that is acknowledged by now is counted."""
    acknowledged_ms = round(time.time() * 1000)
    wait_for(lambda: _is_past(reader, acknowledged_ms), "as_of goes on", 90)


def _is_past(reader: SecondReader, time_ms: int) -> bool:
    reader.read()
    as_of = reader.as_of()
    return as_of is not None and as_of > time_ms


def _assert_signs_of_life(reader: SecondReader, since_ms: int) -> None:
    """See every partition tell how far it is while no records come."""
    wait_for(lambda: _is_past(reader, since_ms + 3_000), "signs of life", 60)
    for partition in range(8):
        told = [m for m in reader.messages if m.partition == partition]
        idle = [m for m in told if m.timestamp_ms > since_ms]
        claims = [message.content["as_of"] for message in idle]
        assert claims == sorted(claims)
        assert len(idle) >= 3


def _by_outcome(rows: list[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for minute, country, carrier, event_type, code, events in rows:
        outcome = load.outcome(event_type, code)
        found[(minute, country, carrier, outcome, code)] += events
    return found


def _assert_as_the_contract_says(reader: SecondReader) -> None:
    """Look at each message: its fields, size, parts, and what it claims."""
    kinds = defaultdict(list)
    for message in reader.messages:
        content = message.content
        assert message.size <= LARGEST
        assert list(content) == [
            *("log_id", "partition", "base", "position", "complete"),
            *("rules_version", "as_of", "part", "parts", "cells"),
        ]
        assert content["base"] <= content["position"]
        assert 1 <= content["part"] <= content["parts"]
        if content["as_of"] is not None:
            assert content["as_of"] <= message.timestamp_ms
        kinds[message.partition, content["complete"]].append(message)
    partitions = {partition for partition, _ in kinds}
    assert all((partition, True) in kinds for partition in partitions)
