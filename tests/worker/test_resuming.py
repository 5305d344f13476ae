"""A broker that was away may have lost records; who was connected notices."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import ConnectionGroup
from aiokafka.structs import TopicPartition

from streams.worker.fetching import Connections
from streams.worker.resuming import Resuming
from tests.worker import logs
from tests.worker.logs import BEGIN_MS, Record, body, chunk
from tests.worker.test_holding import Broker, archived, records

TP = TopicPartition("callbacks", 0)


def test_the_chunks_after_a_change_of_connection_are_marked() -> None:
    """Some of them: what was fetched before may be handed out after it."""
    connections: dict[Any, object] = {}
    client = SimpleNamespace(
        cluster=SimpleNamespace(leader_for_partition=lambda _: 1), _conns=connections
    )
    fetcher, seen = SimpleNamespace(_client=client), Connections()

    def fetch(connection: object) -> bool:
        connections[1, ConnectionGroup.DEFAULT] = connection
        return seen.is_resumed(fetcher, TP)

    first, second = object(), object()
    assert [fetch(first), fetch(first), fetch(None)] == [False, False, False]
    assert [fetch(second) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("changed", "begin", "is_lost"),
    [
        pytest.param({}, 0, False, id="the same record"),
        pytest.param({"timestamp": BEGIN_MS + 9_000}, 0, True, id="another record"),
        pytest.param({"offset": 5}, 0, True, id="no record"),
        pytest.param({"offset": 5}, 3, False, id="deleted for its age"),
    ],
)
async def test_what_was_taken_in_has_to_be_there_after_the_broker_was_away(
    tmp_path: Path, changed: dict[str, Any], begin: int, *, is_lost: bool
) -> None:
    """Else the worker ends, and what it had is archived."""
    broker = Broker(end=6)
    holding = broker.holding(tmp_path)
    await holding.assign([0])
    await holding.take_in(chunk(records(0, 3)))
    last = replace(Record(2, BEGIN_MS + 2, body("m2")), **changed)
    object.__setattr__(holding.kafka, "records", lambda: nullcontext(logs.Kept([last])))
    broker.begin = begin
    following = chunk(records(3, 5))
    resuming = Resuming(holding)

    await resuming.look([following])
    assert not holding.fatal.done()
    await resuming.look([replace(following, is_resumed=True)])

    assert holding.fatal.done() == is_lost
    if is_lost:
        assert "offset 2 of partition 0" in holding.fatal.result()
        assert archived(tmp_path) == [0, 1, 2]
        assert holding.numbers == set()
