"""A load of callbacks for the acceptance tests, and an independent count of it.

Nothing here uses the project's rules: outcome, country and window are worked out again,
in the plainest way.
"""

import http.client
import json
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streams import topics

Body = bytes
Cell = tuple[datetime, str, str, int | None]
Identity = tuple[str, str, str, str | None, int | None]

# Prefix and country; not all of the numbers are valid, as those that fail are not.
_NUMBERS = {
    "+1206": "US",
    "+1416": "CA",
    "+1242": "BS",
    "+44207": "GB",
    "+52155": "MX",
    "+5511": "BR",
    "+9198": "IN",
}
_TYPES = ("message-delivered",) * 8 + ("message-failed",) * 3 + ("message-sent",)
_CODES = (4770, 4720, 4432, 9902, 902, 770, 4999, None)
_CONNECTIONS = 8
_DEADLINE_SECONDS = 120.0


def callbacks(count: int, seed: int) -> list[dict[str, Any]]:
    """Return that many different callbacks of the last six hours."""
    draw = random.Random(seed)  # noqa: S311 - a load, no secret
    now = datetime.now(UTC)
    return [_callback(draw, seed, number, now) for number in range(count)]


def _callback(
    draw: random.Random, seed: int, number: int, now: datetime
) -> dict[str, Any]:
    sent = now - timedelta(seconds=draw.uniform(60, 6 * 3_600))
    event_type = draw.choice(_TYPES)
    destination = f"{draw.choice(list(_NUMBERS))}{draw.randrange(10**7):07d}"
    callback: dict[str, Any] = {
        "type": event_type,
        "time": (sent + timedelta(seconds=draw.uniform(0, 59))).isoformat(),
        "to": destination,
        "description": "ok",
        "message": {
            "id": f"{int(sent.timestamp() * 1000)}{seed:04d}{number:012d}",
            "time": sent.isoformat(),
            "to": [destination],
            "from": draw.choice(["+12065550100", "+18005550100", "24365"]),
            "owner": "+12065550100",
            "applicationId": "93de2206-9669-4e07-948d-329f4b722ee2",
            "direction": "out",
            "segmentCount": draw.randint(1, 3),
        },
    }
    code = draw.choice(_CODES) if event_type == "message-failed" else None
    if code is not None:
        callback["errorCode"] = code
    return callback


def with_copies(sent: Sequence[dict[str, Any]], share: float, seed: int) -> list[Body]:
    """Return bodies in the order they are posted: some come again, at any time."""
    draw = random.Random(seed)  # noqa: S311
    bodies = [json.dumps([callback]).encode() for callback in sent]
    again = draw.sample(bodies, round(len(bodies) * share))
    mixed = bodies + again
    draw.shuffle(mixed)
    return mixed


def post(url: str, bodies: Iterable[Body]) -> int:
    """Post each body until it is answered 200, as the provider does.

    Returns:
        How many were answered otherwise, or not at all, and were posted again.
    """
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        lanes = list(bodies)
        return sum(
            pool.map(
                lambda lane: _post_lane(url, lane),
                [lanes[k::_CONNECTIONS] for k in range(_CONNECTIONS)],
            )
        )


def _post_lane(url: str, bodies: Sequence[Body]) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    again = 0
    for body in bodies:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while not _posted(connection, parts.path, body):
            again += 1
            if time.monotonic() > deadline:
                raise TimeoutError(f"not accepted within {_DEADLINE_SECONDS} s")
            time.sleep(0.1)
    connection.close()
    return again


def _posted(connection: http.client.HTTPConnection, path: str, body: Body) -> bool:
    try:
        connection.request("POST", path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return False
    return answer.status == http.client.OK


def identity(callback: dict[str, Any]) -> Identity:
    """Return what makes a callback an event of its own."""
    message = callback["message"]
    return (
        message["id"],
        callback["to"],
        callback["type"],
        message.get("channel"),
        callback.get("errorCode"),
    )


def expected_cells(sent: Iterable[dict[str, Any]]) -> Counter[Cell]:
    """Count events by minute, country, outcome and code, apart from the project."""
    return Counter(
        (
            datetime.fromisoformat(c["time"]).replace(second=0, microsecond=0),
            _country(c["to"]),
            outcome(c["type"], c.get("errorCode")),
            c.get("errorCode"),
        )
        for c in sent
    )


def _country(number: str) -> str:
    return next(c for prefix, c in _NUMBERS.items() if number.startswith(prefix))


def outcome(event_type: str, code: int | None) -> str:
    """Return the outcome of a type and a code, apart from the project."""
    if event_type == "message-failed":
        return "unknown" if code in {902, 9902} else "failed"
    return "delivered" if event_type == "message-delivered" else "in_progress"


def produce(bootstrap_servers: str, bodies: Sequence[Body]) -> int:
    """Make the topic and write each body as a record of its own; return how many."""
    log = topics.ensure_topics(bootstrap_servers, 8)
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers.split(","))
    for body in bodies:
        key = json.loads(body)[0]["message"]["id"].encode()
        partition = topics.partition_of(key, log.partitions)
        producer.send("callbacks", body, key=key, partition=partition)
    producer.flush()
    producer.close()
    return len(bodies)


def taken_in(port: int) -> int:
    """Return how many records a worker has taken in, by its /metrics; -1 if silent."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return -1
    return sum(
        round(float(line.rsplit(" ", 1)[1]))
        for line in lines
        if line.startswith("undelivered_taken_in_position{")
    )


def topic_positions(bootstrap_servers: str) -> set[tuple[int, int, int]]:
    """Read the whole topic with another client: partition, offset, index of each."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers.split(","), consumer_timeout_ms=10_000
    )
    try:
        return _positions(consumer)
    finally:
        consumer.close()


def _positions(consumer: Any) -> set[tuple[int, int, int]]:  # noqa: ANN401
    partitions = [
        TopicPartition("callbacks", number)
        for number in consumer.partitions_for_topic("callbacks")
    ]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    found: set[tuple[int, int, int]] = set()
    while any(consumer.position(tp) < ends[tp] for tp in partitions):
        for tp, records in consumer.poll(timeout_ms=1_000).items():
            for record in records:
                body = json.loads(record.value)
                count = len(body) if isinstance(body, list) else 1
                found |= {(tp.partition, record.offset, k) for k in range(count)}
    return found
