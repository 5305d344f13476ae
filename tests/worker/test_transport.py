"""What the chunked transport relies on in Faust and aiokafka is still there.

These look into the libraries' code: a new version of either has to be read before it is
taken, and this is where that shows.
"""

import ast
import hashlib
import inspect
import re
from asyncio import streams
from importlib.metadata import version

import pytest
from aiokafka import AIOKafkaConsumer, client, conn
from aiokafka.consumer import consumer as consumer_of_aiokafka
from aiokafka.consumer import fetcher, group_coordinator
from aiokafka.record.default_records import DefaultRecord
from faust.app.base import App
from faust.tables import manager
from faust.tables.recovery import Recovery
from faust.transport import consumer
from faust.transport.drivers import aiokafka as driver

from streams.worker import fetching, receiving, transport
from streams.worker.app import WorkerApp
from streams.worker.transport import (
    ChunkConsumer,
    ChunkConsumerThread,
    ChunkTransport,
    NoTables,
)


@pytest.mark.parametrize(
    ("package", "read"),
    [
        ("faust-streaming", "0.15.3"),
        ("mode-streaming", "0.7.1"),
        ("aiokafka", "0.14.0"),
    ],
)
def test_versions_are_those_that_were_read(package: str, read: str) -> None:
    """Another version: read the hooks below in it, then change this."""
    assert version(package) == read


def test_faust_seeks_after_an_assignment_before_records_flow() -> None:
    """``_resume_streams`` seeks, and only then resumes the flow."""
    code = inspect.getsource(Recovery._resume_streams)

    assert code.index("consumer.perform_seek()") < code.index("consumer.resume_flow()")


def test_faust_leaves_a_recovery_to_the_rebalance_that_came_between() -> None:
    """It goes back to waiting for the next one, and lets nothing flow."""
    code = inspect.getsource(Recovery)
    listener = inspect.getsource(driver.ConsumerRebalanceListener)

    assert "except RebalanceAgain as exc:" in code
    assert "self.rebalancing_count += 1" in inspect.getsource(App.on_rebalance_start)
    assert "thread.app.on_rebalance_start()" in listener


def test_faust_revokes_through_the_consumer() -> None:
    """The rebalance listener ends in ``Consumer.on_partitions_revoked``."""
    code = inspect.getsource(
        consumer.ThreadDelegateConsumer.threadsafe_partitions_revoked
    )

    assert "self.on_partitions_revoked" in code


def test_faust_drops_messages_below_the_read_offset() -> None:
    """Unless there is none: it is set to None before each message."""
    code = inspect.getsource(consumer.Consumer._drain_messages)

    assert "r_offset is None or offset >= r_offset" in code
    assert "getmany(timeout=1.0)" in code


def test_faust_fetches_on_the_consumers_thread() -> None:
    """``getmany`` hands ``_fetch_records`` to the thread."""
    code = inspect.getsource(driver.AIOKafkaConsumerThread.getmany)

    assert "call_thread(\n            self._fetch_records" in code
    assert inspect.iscoroutinefunction(driver.AIOKafkaConsumerThread._fetch_records)


def test_faust_makes_the_consumer_of_the_transport() -> None:
    """Our consumer and thread are taken, and are the driver's but for the changes."""
    assert ChunkTransport.Consumer is ChunkConsumer
    assert issubclass(ChunkConsumer, driver.Consumer)
    assert issubclass(ChunkConsumerThread, driver.AIOKafkaConsumerThread)
    assert "self._thread = self._new_consumer_thread()" in inspect.getsource(
        consumer.ThreadDelegateConsumer.__init__
    )


def test_aiokafka_moves_the_position_when_it_hands_records_out() -> None:
    """A chunk's span is read off the position right before and after."""
    code = inspect.getsource(fetcher.FetchResult.getall)

    assert "_update_position()" in code
    assert "await" not in code


def test_aiokafka_passes_over_what_is_no_record() -> None:
    """Markers and aborted records move the position, and nothing else does."""
    code = inspect.getsource(fetcher.PartitionRecords._unpack_records)

    assert "if next_batch.is_control_batch" in code
    assert code.count("self.next_fetch_offset = next_batch.next_offset") == 3


def test_aiokafka_makes_its_records_by_a_method() -> None:
    """It is left out: ``fetching`` takes the parser's records as they are."""
    code = inspect.getsource(fetcher.PartitionRecords._unpack_records)
    parsed = DefaultRecord(7, 1_000, 1, None, b"[]", [("source", b"http")])

    assert "consumer_record = self._consumer_record(tp, record)" in code
    assert parsed.offset == 7
    assert (parsed.timestamp, parsed.timestamp_type) == (1_000, 1)
    assert parsed.value == b"[]"
    assert parsed.headers == [("source", b"http")]


def test_aiokafka_hands_records_out_as_we_do() -> None:
    """``fetching`` does what this does; where it changes, it has to be read again."""
    code = inspect.getsource(fetcher.Fetcher.fetched_records)

    assert hashlib.sha256(code.encode()).hexdigest()[:16] == "be4348896b9b66af"


def test_faust_lets_the_isolation_level_be_set() -> None:
    """The consumer's fetcher takes it when the consumer starts."""
    code = inspect.getsource(AIOKafkaConsumer.start)

    assert "isolation_level=self._isolation_level" in code
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in code


def test_faust_only_waits_before_it_starts_its_recovery() -> None:
    """``NoTables`` does the same without the waiting."""
    code = inspect.getsource(manager.TableManager.on_start)

    assert code.splitlines()[2:] == [
        "        await self.sleep(1.0)",
        "        if not self.should_stop:",
        "            await self._update_channels()",
        "            await self.recovery.start()",
    ]


def test_aiokafka_tells_that_its_coordination_has_ended() -> None:
    """Faust does not look at it, the worker does."""
    code = inspect.getsource(group_coordinator.GroupCoordinator.check_errors)

    assert "self._coordination_task.done()" in code


# ---------------------------------------------------------------- every name there is

# Attributes of Faust's consumer that ours reads or sets.
FAUSTS = {"_read_offset", "_thread", "_update_channels", "_wait_next_records"}
LIBRARIES = [
    inspect.getsource(module)
    for module in (
        client,
        conn,
        consumer,
        consumer_of_aiokafka,
        driver,
        fetcher,
        group_coordinator,
        manager,
        streams,
    )
]
OVERRIDDEN = [
    (ChunkConsumer, "on_partitions_assigned"),
    (ChunkConsumer, "perform_seek"),
    (ChunkConsumer, "on_partitions_revoked"),
    (ChunkConsumer, "getmany"),
    (ChunkConsumer, "_new_consumer_thread"),
    (ChunkConsumer, "_to_message"),
    (ChunkConsumerThread, "_fetch_records"),
    (ChunkConsumerThread, "_create_worker_consumer"),
    (NoTables, "on_start"),
    (WorkerApp, "_new_transport"),
]


def private_names() -> list[str]:
    """Return what our code takes of the libraries that is not meant for others."""
    found = set()
    for module in (transport, fetching, receiving):
        tree = ast.parse(inspect.getsource(module))
        nodes = list(ast.walk(tree))
        attributes = [n for n in nodes if isinstance(n, ast.Attribute)]
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        own = {n.name for n in nodes if isinstance(n, functions)}
        own |= {n.attr for n in attributes if ast.unparse(n.value) == "self"} - FAUSTS
        used = {n.attr for n in attributes}
        found |= {n for n in used - own if re.match("_[a-z]", n)}
    return sorted(found)


@pytest.mark.parametrize("name", private_names())
def test_each_private_name_that_is_used_is_there(name: str) -> None:
    """A version that renames one of them fails here, and not in a worker."""
    assert any(re.search(rf"\b{name}\b", code) for code in LIBRARIES)


@pytest.mark.parametrize(("own", "name"), OVERRIDDEN)
def test_what_is_overridden_is_there_and_called_alike(own: type, name: str) -> None:
    """A method that nobody calls any more would be silently ours alone."""
    above = getattr(own.__mro__[1], name)

    ours = inspect.signature(getattr(own, name)).parameters
    theirs = inspect.signature(above).parameters
    assert len(ours) == len(theirs)


def test_every_override_is_known() -> None:
    """Whoever overrides one more reads what calls it, and writes it down above."""
    found = {
        (own, name)
        for own in (ChunkConsumer, ChunkConsumerThread, NoTables, WorkerApp)
        for name, value in vars(own).items()
        if inspect.isfunction(value) and hasattr(own.__mro__[1], name)
    }

    assert found == set(OVERRIDDEN)
