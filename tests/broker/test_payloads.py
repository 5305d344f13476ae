"""Payloads through the whole stack: posted or produced, then found in SQL."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from streams import warehouse
from streams.core.outline import outline
from tests.broker.conftest import RunningStack, stacks, wait_for
from tests.hostile import CORPUS

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]

SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("[!R]*"))
READABLE = [sample for sample in SAMPLES if sample.suffix == ".json"]
FAR_FUTURE_MS = 4_070_908_800_000  # 2099-01-01, as a producer with a wrong clock says
LARGEST_POSTED = 1 << 20


@dataclass(frozen=True)
class Fed:
    """A stack that has taken everything in, and what it was given."""

    stack: RunningStack
    answers: dict[str, dict[str, Any]]

    def query(self, sql: str, **parameters: object) -> list[dict[str, Any]]:
        """Ask the views, as a user would."""
        with warehouse.connect(self.stack.data_dir) as connection:
            rows = connection.execute(sql, parameters).fetchall()
            names = [column[0] for column in connection.description or ()]
            return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def fed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fed]:
    """Post every sample and hostile body; produce what no receiver would take."""
    with stacks(tmp_path_factory.mktemp("payloads")) as start:
        stack = start()
        answers = {sample.name: post(stack, sample.read_bytes()) for sample in SAMPLES}
        answers |= {
            name: post(stack, body)
            for name, body in CORPUS.items()
            if len(body) <= LARGEST_POSTED
        }
        produce(stack)
        expected = sum(len(outline(body)) for body in [*CORPUS.values()]) + len(SAMPLES)
        fed = Fed(stack, answers)
        wait_for(
            lambda: (
                fed.query("select count(*) as n from callbacks")[0]["n"] >= expected + 3
            ),
            "everything in the archive",
        )
        yield fed


def post(stack: RunningStack, body: bytes) -> dict[str, Any]:
    """Post a body; return the answer with its status."""
    port = stack.run_file.ports.receiver
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/callbacks", body)
        answer = connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
        return told | {"status": answer.status}
    finally:
        connection.close()


def produce(stack: RunningStack) -> None:
    """Produce past the receiver: a tombstone, a wrong clock, headers of anybody."""
    producer = KafkaProducer(bootstrap_servers=stack.run_file.bootstrap_servers)
    future = json.dumps({"type": "future", "message": {"id": "f"}}).encode()
    producer.send("callbacks", None, key=b"gone", partition=0)
    producer.send(
        "callbacks", future, key=b"f", partition=1, timestamp_ms=FAR_FUTURE_MS
    )
    producer.send(
        "callbacks", b"{", partition=2, headers=[("source", b"\xff"), ("origin", b"x")]
    )
    producer.flush()
    producer.close()


@pytest.mark.parametrize("sample", READABLE, ids=lambda path: path.stem)
def test_a_documented_sample_is_found_with_its_values(sample: Path, fed: Fed) -> None:
    """Every field is in its column of the view, with the value that was sent."""
    content = json.loads(sample.read_bytes())
    (sent,) = content if isinstance(content, list) else [content]
    message = sent["message"]

    found = fed.query(
        "select * from callbacks where message_id = $id and event_type = $type "
        "and destination = $to and event_time = $time::timestamptz",
        id=message["id"],
        type=sent["type"],
        to=sent["to"],
        time=sent["time"],
    )

    assert fed.answers[sample.name] == {
        "status": 200,
        "accepted": 1,
        "parked": 0,
        "problems": [],
    }
    columns = {
        "description": sent["description"],
        "error_code": sent.get("errorCode"),
        "carrier_name": sent.get("carrierName"),
        "direction": message["direction"],
        "sender": message["from"],
        "owner": message["owner"],
        "recipients": message["to"],
        "application_id": message["applicationId"],
        "tag": message.get("tag"),
        "channel": message.get("channel"),
        "priority": message.get("priority"),
        "segment_count": message.get("segmentCount"),
        "media": message.get("media"),
        "text": None,
        "extra": None,
        "source": "http",
        "problem": None,
        "raw": None,
    }
    assert columns in [{name: row[name] for name in columns} for row in found]


def test_each_invalid_sample_is_a_dead_letter_that_names_the_place(fed: Fed) -> None:
    """The answer and the row say the same, and the bytes are kept."""
    invalid = [sample for sample in SAMPLES if ".INVALID" in sample.name]
    assert invalid
    for sample in invalid:
        (row,) = fed.query(
            "select problem, raw from dead_letters where raw = $raw",
            raw=sample.read_bytes(),
        )
        assert row["problem"].startswith("[0].message.to[1]: not JSON, trailing comma")
        assert fed.answers[sample.name]["problems"] == [row["problem"]]


def test_each_hostile_body_gets_the_documented_answer(fed: Fed) -> None:
    """200 with what is wrong: an error would be sent again for a day."""
    for name, body in CORPUS.items():
        elements = outline(body)
        parked = sum(element.problem is not None for element in elements)
        answer = fed.answers[name]
        assert answer["status"] == 200, name
        assert (answer["accepted"], answer["parked"]) == (
            len(elements) - parked,
            parked,
        ), name


def test_each_hostile_body_is_in_the_archive(fed: Fed) -> None:
    """What could not be read is in dead_letters byte for byte, as often as it came."""
    expected = sorted(
        element.content
        for body in [*CORPUS.values(), *(s.read_bytes() for s in SAMPLES)]
        for element in outline(body)
        if element.problem is not None
    )

    rows = fed.query("select raw from dead_letters where source = 'http'")

    assert sorted(row["raw"] for row in rows) == expected


def test_a_tombstone_and_foreign_headers_are_rows_too(fed: Fed) -> None:
    """Anybody may produce to the topic; nothing of it stops the worker."""
    rows = fed.query(
        "select kafka_partition, source, origin, problem from dead_letters "
        "where source is distinct from 'http' order by kafka_partition"
    )

    assert [tuple(row.values()) for row in rows] == [
        (0, None, None, "tombstone: the record has no value"),
        (2, "\\xff", "x", "not JSON, the text ends too early (line 1, column 2)"),
    ]


def test_a_producer_with_a_wrong_clock_does_not_set_the_time(fed: Fed) -> None:
    """The broker's time is the record's time."""
    (row,) = fed.query(
        "select received_at < now() + interval '1 minute' as sane, counted_at = "
        "received_at as counted from events where event_type = 'future'"
    )

    assert row == {"sane": True, "counted": True}


def test_the_worker_was_never_started_again(fed: Fed) -> None:
    """No body of the corpus ended a process."""
    assert "again" not in fed.stack.said
    assert "Traceback" not in fed.stack.logs()
