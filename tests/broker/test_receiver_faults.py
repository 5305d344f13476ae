"""The receiver when Kafka stops, dies, or the receiver itself is told to end."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import TopicPartition

from streams import topics
from streams.core.outline import outline
from streams.intake.producer import CallbackProducer, KafkaUnavailableError
from streams.settings import load
from streams.stack import jars, ports, strays
from streams.stack.child import Child
from streams.stack.kafka import Kafka
from tests.broker.conftest import wait_for
from tests.broker.receiving import HALF_BODY, Reader, Receiving, heard, receiving

pytestmark = pytest.mark.broker

PRODUCE_SECONDS = 2.0
# Fifty connections of a busy machine have to be there before the first one gives up.
PATIENT = {"UNDELIVERED_PRODUCE_TIMEOUT_SECONDS": "9.9"}


@dataclass
class Broker:
    """An embedded Kafka that can be stopped, killed and started again."""

    kafka: Kafka
    child: Child

    @property
    def bootstrap_servers(self) -> str:
        """Return its address."""
        return self.kafka.bootstrap_servers

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its process."""
        assert self.child.pid is not None
        os.kill(self.child.pid, number)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it stand still for a while."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.child.start()
        wait_for(lambda: self.child.problem() is None, "Kafka answers")

    def kill(self) -> None:
        """Kill it and wait until it is gone."""
        self.signal(signal.SIGKILL)
        wait_for(lambda: self.child.ended() is not None, "Kafka is gone")
        self.child.put_off()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Run a Kafka of these tests alone."""
    folder = tmp_path_factory.mktemp("broker")
    port, controller = ports.choose("kafka", 0), ports.choose("kafka", 0)
    kafka = Kafka(folder / "kafka", jars.find(load()), port, controller)
    output = folder / "kafka.log"
    child = Child(
        name="kafka",
        command=kafka.prepare(output),
        environment={**os.environ, strays.VARIABLE: strays.new_mark(folder)},
        output=output,
        problem=lambda: topics.unreachable(kafka.bootstrap_servers, 1500),
        folder=kafka.folder,
    )
    broker = Broker(kafka, child)
    broker.start()
    yield broker
    child.end()


@pytest.fixture
def receiver(broker: Broker, tmp_path: Path) -> Iterator[Receiving]:
    """Run a receiver that waits two seconds for Kafka."""
    wait = {"UNDELIVERED_PRODUCE_TIMEOUT_SECONDS": str(PRODUCE_SECONDS)}
    with receiving(broker.bootstrap_servers, tmp_path, **wait) as running:
        yield running


def callback(message_id: str) -> bytes:
    """Write one callback as the provider does."""
    return b'[{"type":"message-failed","message":{"id":"%s"}}]' % message_id.encode()


def ids_in(reader: Reader) -> list[str | None]:
    """Return the message ids that were written, copies included."""
    values = [record.value or b"" for record in reader.records()]
    return [element.message_id for value in values for element in outline(value)]


def is_ready(receiver: Receiving) -> bool:
    """Tell what a load balancer is told."""
    return receiver.get("/readyz").status_code == 200


def test_a_stopped_kafka_is_said_in_time_and_then_at_once(
    broker: Broker, receiver: Receiving
) -> None:
    """503 with Retry-After inside the limit, later ones at once; then all is well."""
    reader = Reader(broker.bootstrap_servers)
    assert receiver.post(callback("zeroth")).status_code == 200
    with broker.stopped():
        began = time.monotonic()
        first = receiver.post(callback("first"))
        first_seconds = time.monotonic() - began
        assert not is_ready(receiver)
        began = time.monotonic()
        second = receiver.post(callback("second"))
        second_seconds = time.monotonic() - began
        assert receiver.get("/livez").status_code == 200

    for answer in (first, second):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "Kafka" in answer.json()["error"]
    assert PRODUCE_SECONDS <= first_seconds < PRODUCE_SECONDS + 1.5
    assert second_seconds < 0.5
    wait_for(lambda: is_ready(receiver), "the receiver is ready again")
    assert receiver.post(callback("third")).status_code == 200
    assert "second" not in ids_in(reader)
    assert "third" in ids_in(reader)


def test_a_quiet_receiver_knows_that_kafka_is_away(
    broker: Broker, receiver: Receiving
) -> None:
    """It is not ready before a callback had to find out, and is again by itself."""
    assert is_ready(receiver)
    with broker.stopped():
        wait_for(lambda: not is_ready(receiver), "not ready without Kafka")
        began = time.monotonic()
        assert receiver.post(callback("quiet")).status_code == 503
        assert time.monotonic() - began < 0.5

    wait_for(lambda: is_ready(receiver), "ready with Kafka")


@contextmanager
def load_on(receiver: Receiving) -> Iterator[list[str]]:
    """Post from eight threads all the while; give the ids answered 200 so far."""
    accepted: list[str] = []
    ending = threading.Event()

    def post() -> None:
        with receiver.client() as client:
            while not ending.is_set():
                message_id = uuid.uuid4().hex
                answer = client.post("/callbacks", content=callback(message_id))
                assert answer.status_code in {200, 503}
                if answer.status_code == 200:
                    accepted.append(message_id)
                else:
                    ending.wait(0.05)

    with ThreadPoolExecutor(8) as pool:
        posting = [pool.submit(post) for _ in range(8)]
        try:
            yield accepted
        finally:
            ending.set()
    for each in posting:
        each.result()


def wait_for_more(accepted: list[str]) -> None:
    """Wait until two hundred callbacks more were answered 200."""
    enough = len(accepted) + 200
    wait_for(lambda: len(accepted) >= enough, "callbacks are accepted", 60)


def test_nothing_accepted_is_lost_when_kafka_stops_under_load(
    broker: Broker, receiver: Receiving
) -> None:
    """Everything answered 200 before, during and after is in the topic."""
    reader = Reader(broker.bootstrap_servers)
    with load_on(receiver) as accepted:
        wait_for_more(accepted)
        with broker.stopped():
            wait_for(lambda: not is_ready(receiver), "not ready without Kafka")
        wait_for_more(accepted)

    assert set(accepted) <= set(ids_in(reader))


def test_nothing_accepted_is_lost_when_kafka_is_killed_under_load(
    broker: Broker, receiver: Receiving
) -> None:
    """Kafka comes back with its log, and the receiver goes on by itself."""
    reader = Reader(broker.bootstrap_servers)
    with load_on(receiver) as accepted:
        wait_for_more(accepted)
        broker.kill()
        wait_for(lambda: not is_ready(receiver), "not ready without Kafka")
        broker.start()
        wait_for_more(accepted)

    assert set(accepted) <= set(ids_in(reader))


@contextmanager
def in_flight(
    receiver: Receiving, count: int
) -> Iterator[list[Future[httpx.Response]]]:
    """Post callbacks of one partition at once, each over its own connection."""
    with ThreadPoolExecutor(count) as pool:
        yield [pool.submit(receiver.post, callback("same")) for _ in range(count)]


def wait_until_waiting(receiver: Receiving, count: int) -> None:
    """Wait until so many requests wait for Kafka."""
    wait_for(lambda: receiver.waiting() == count, f"{count} requests wait")


def test_callbacks_are_gathered_while_a_send_is_in_flight(
    broker: Broker, tmp_path: Path
) -> None:
    """What waits for the same partition becomes one record; each is answered."""
    with receiving(broker.bootstrap_servers, tmp_path, **PATIENT) as receiver:
        reader = Reader(broker.bootstrap_servers)
        with broker.stopped(), in_flight(receiver, 40) as answers:
            wait_until_waiting(receiver, 40)
            broker.signal(signal.SIGCONT)
        assert [each.result().status_code for each in answers] == [200] * 40
        counts = [len(outline(r.value or b"")) for r in reader.records()]

    assert sum(counts) == 40
    assert len(counts) <= 4


def test_sigterm_answers_what_is_in_flight(broker: Broker, tmp_path: Path) -> None:
    """Fifty requests that wait for Kafka are all answered 200, and are in the topic."""
    with receiving(broker.bootstrap_servers, tmp_path, **PATIENT) as receiver:
        reader = Reader(broker.bootstrap_servers)
        with broker.stopped(), in_flight(receiver, 50) as answers:
            wait_until_waiting(receiver, 50)
            receiver.process.send_signal(signal.SIGTERM)
            wait_for(lambda: refuses(receiver), "no new connection is taken")
            broker.signal(signal.SIGCONT)
        assert [each.result().status_code for each in answers] == [200] * 50
        assert receiver.process.wait(10) == 0
        assert len(ids_in(reader)) == 50
        assert "Traceback" not in receiver.said


def refuses(receiver: Receiving) -> bool:
    """Tell whether the receiver has stopped to listen."""
    return ports.is_free("127.0.0.1", receiver.port)


def test_sigterm_without_kafka_ends_in_time(broker: Broker, tmp_path: Path) -> None:
    """What cannot be stored is answered 503, and the process ends all the same."""
    with receiving(broker.bootstrap_servers, tmp_path) as receiver, broker.stopped():
        with in_flight(receiver, 5) as answers:
            wait_until_waiting(receiver, 5)
            began = time.monotonic()
            assert receiver.end() == 0
        assert time.monotonic() - began < 10
        codes = {each.result().status_code for each in answers}
        assert codes == {503}
        assert "Traceback" not in receiver.said


def test_sigterm_does_not_wait_for_half_a_body(broker: Broker, tmp_path: Path) -> None:
    """A body that does not come is answered 503 soon after the signal."""
    with (
        receiving(broker.bootstrap_servers, tmp_path) as receiver,
        closing(receiver.connect(HALF_BODY)) as connection,
    ):
        assert receiver.get("/livez").status_code == 200  # the half body came before
        assert receiver.end() == 0
        answer = heard(connection)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 5" in answer
        assert "Traceback" not in receiver.said


async def test_a_lost_sequence_number_is_made_up_for(broker: Broker) -> None:
    """Kafka refuses an idempotent producer with a gap; a new one takes its place."""
    log = topics.ensure_topics(broker.bootstrap_servers, 8)
    producer = CallbackProducer(broker.bootstrap_servers, log.partitions, 5.0)
    await producer.start()
    try:
        body = callback("gap")
        await producer.put(body, outline(body))
        kafka: Any = producer._kafka  # noqa: SLF001 - there is no other way to a gap
        numbers = kafka._txn_manager  # noqa: SLF001
        partition = topics.partition_of(b"gap", log.partitions)
        place = TopicPartition(topics.CALLBACKS, partition)
        numbers.increment_sequence_number(place, 7)

        with pytest.raises(KafkaUnavailableError, match="OutOfOrderSequenceNumber"):
            await producer.put(body, outline(body))
        await producer.put(body, outline(body))
        assert producer.problem() is None
    finally:
        await producer.stop()
