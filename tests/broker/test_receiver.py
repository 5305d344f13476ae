"""The receiver: a real process in front of a real Kafka."""

import base64
import random
import re
import resource
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import msgspec
import pytest

from streams.core.outline import outline
from streams.topics import partition_of
from tests.broker.conftest import run_command
from tests.broker.receiving import HALF_BODY, Reader, Receiving, heard, receiving

pytestmark = pytest.mark.broker

PARTITIONS = 8
MEBIBYTE = 1 << 20
USERNAME, PASSWORD = "zoë", "pässwörd:🔑"
AUTH = httpx.BasicAuth(USERNAME.encode(), PASSWORD.encode())


@pytest.fixture(scope="module")
def receiver(
    kafka: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Receiving]:
    """Run a receiver that accepts everybody, and waits a second for a request."""
    folder = tmp_path_factory.mktemp("receiver")
    with receiving(kafka, folder, UNDELIVERED_READ_TIMEOUT_SECONDS="1") as running:
        yield running


@pytest.fixture(scope="module")
def guarded(
    kafka: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Receiving]:
    """Run a receiver that asks for credentials."""
    folder = tmp_path_factory.mktemp("guarded")
    pair = {"UNDELIVERED_USERNAME": USERNAME, "UNDELIVERED_PASSWORD": PASSWORD}
    with receiving(kafka, folder, **pair) as running:
        yield running


@pytest.fixture
def written(receiver: Receiving, kafka: str) -> Reader:
    """Read what a test has written."""
    assert receiver.port
    return Reader(kafka)


def callback(message_id: str) -> bytes:
    """Write one callback as the provider does."""
    return (
        b'{"type":"message-failed","time":"2026-05-04T10:00:00Z","errorCode":4720,'
        b'"to":"+15550101111","message":{"id":"%s"}}' % message_id.encode()
    )


def new_id() -> str:
    """Make a message id that no other test has."""
    return uuid.uuid4().hex


def test_a_callback_is_in_kafka_when_it_is_answered(
    receiver: Receiving, written: Reader
) -> None:
    """The record has the id's partition, the id as key, and the body as it came."""
    message_id = new_id()
    body = b" [ " + callback(message_id) + b" ]\n"

    answer = receiver.post(body)

    assert answer.status_code == 200
    assert answer.json() == {"accepted": 1, "parked": 0, "problems": []}
    [record] = written.records()
    assert record.partition == partition_of(message_id.encode(), PARTITIONS)
    assert record.key == message_id.encode()
    assert record.value == body
    assert record.headers == [("source", b"http")]


def test_a_body_is_split_by_partition(receiver: Receiving, written: Reader) -> None:
    """Each callback is in its id's partition, its bytes unchanged."""
    ids = [new_id() for _ in range(20)]
    body = b"[" + b" , ".join(callback(message_id) for message_id in ids) + b"]"

    answer = receiver.post(body)

    assert answer.json()["accepted"] == 20
    records = written.records()
    assert len(records) == len({r.partition for r in records}) > 1
    found = [(e, r) for r in records for e in outline(r.value or b"")]
    assert {e.content for e, _ in found} == {callback(i) for i in ids}
    assert len(found) == 20
    for element, record in found:
        name = (element.message_id or "").encode()
        assert record.partition == partition_of(name, PARTITIONS)


def test_unreadable_elements_are_parked_one_by_one(
    receiver: Receiving, written: Reader
) -> None:
    """The answer counts them and says where what is wrong; the rest is accepted."""
    body = b"[" + callback(new_id()) + b',{"type":"x"},7]'

    answer = receiver.post(body)

    assert answer.status_code == 200
    assert answer.json() == {
        "accepted": 1,
        "parked": 2,
        "problems": ["[1].message: missing", "[2]: expected object, got int"],
    }
    kept = [e.content for r in written.records() for e in outline(r.value or b"")]
    assert sorted(kept) == sorted(e.content for e in outline(body))


HOSTILE = [
    b"",
    b" ",
    b"null",
    b"[]",
    b"[[]]",
    b"{}",
    b"[null]",
    b"[" * 100_000,
    b"[" * 500 + b"]" * 500,
    b'{"a":' * 990 + b"1" + b"}" * 990,
    b"\xff\xfe",
    b'["\xff"]',
    b"\xef\xbb\xbf[]",
    b"NaN",
    b"[NaN]",
    b"[" + b"9" * 400 + b"]",
    b'[{"type":"a","type":"b","message":{"id":"1","id":"2"}}]',
    b'[{"type":"a","message":{"id":"\\ud800"}}]',
    b'[{"type":"a","message":{"id":"\\u0000"}}]',
    b"\x00",
    b"[]\x00",
    b'[{"type":1,"message":2}]',
    b'[{"type":"a","message":{"id":7}}]',
    b'[{"type":"a","time":[],"errorCode":"x","to":{},"message":{"id":"1","to":1}}]',
    b'[{"type":"a","time":"0000-01-01T00:00:00Z","message":{"id":"1"}}]',
    b'[{"type":"a","time":"9999-12-31T23:59:59Z","message":{"id":"1"}}]',
    b'[{"type":"a","time":"2026-05-04T10:00:00","message":{"id":"1"}}]',
    b'[{"type":"a","message":{"id":"1"}}],[{"type":"a","message":{"id":"2"}}]',
    b'[{"type":"a","message":{"id":"1",}}]',
    b"x" * 300_000,
]


def kept_bytes(records: list[bytes]) -> list[bytes]:
    """Take records apart as their reader does."""
    return sorted(e.content.strip() for value in records for e in outline(value))


def test_hostile_bodies_are_kept(receiver: Receiving, written: Reader) -> None:
    """Nothing that can be sent is refused, lost, or an error of ours."""
    with receiver.client() as client:
        for body in HOSTILE:
            answer = client.post("/callbacks", content=body)
            assert answer.status_code == 200, body[:80]
            elements = outline(body)
            told = answer.json()
            assert told["accepted"] + told["parked"] == len(elements)
            assert told["parked"] == sum(e.problem is not None for e in elements)

    values = [record.value for record in written.records() if record.value is not None]
    assert kept_bytes(values) == kept_bytes(HOSTILE)


def mutated(body: bytes, chance: random.Random) -> bytes:
    """Change, drop or double some bytes of a body."""
    changed = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed))
        kind = chance.randrange(3)
        if kind == 0:
            changed[place] = chance.randrange(256)
        elif kind == 1:
            del changed[place:]
            changed += b"]"
        else:
            changed[place:place] = bytes(changed[: chance.randrange(40)])
    return bytes(changed)


def test_mutated_bodies_are_kept_when_sent_at_once(
    receiver: Receiving, written: Reader
) -> None:
    """Broken bodies among good ones, gathered or not: each byte is kept."""
    chance = random.Random(7)  # noqa: S311 - not for secrets
    good = [b"[" + callback(new_id()) + b"]" for _ in range(200)]
    sent = [body if n % 2 else mutated(body, chance) for n, body in enumerate(good)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(receiver.post, sent))

    assert {answer.status_code for answer in answers} == {200}
    values = [record.value for record in written.records() if record.value is not None]
    assert kept_bytes(values) == kept_bytes(sent)


@pytest.mark.parametrize("length", [MEBIBYTE + 1, 8 * MEBIBYTE - 1000])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_is_too_long_hears_why(
    receiver: Receiving, written: Reader, length: int, *, is_chunked: bool
) -> None:
    """It is read on, so that a sender who only then listens reads the answer."""
    start = b"POST /callbacks HTTP/1.1\r\nhost: x\r\n"
    content = b"x" * length
    if is_chunked:
        wire = start + b"transfer-encoding: chunked\r\n\r\n"
        wire += b"%x\r\n%s\r\n0\r\n\r\n" % (length, content)
    else:
        wire = start + b"content-length: %d\r\n\r\n%s" % (length, content)

    with closing(receiver.connect(wire)) as connection:
        head, _, body = heard(connection).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close" in head
    assert str(MEBIBYTE) in msgspec.json.decode(body)["error"]
    assert written.records() == []


def test_the_longest_body_is_kept(receiver: Receiving, written: Reader) -> None:
    """One mebibyte is within the limit, and within Kafka's."""
    body = b"x" * MEBIBYTE

    assert receiver.post(body).status_code == 200
    assert [record.value for record in written.records()] == [body]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_post_is_allowed(receiver: Receiving, method: str) -> None:
    """Another method is told which one is."""
    answer = httpx.request(method, f"{receiver.url}/callbacks")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/", "/callback", "/callbacks/", "/callbacks/x"])
def test_other_paths_are_not_found(receiver: Receiving, path: str) -> None:
    """What is posted elsewhere is not taken."""
    answer = httpx.post(receiver.url + path, content=b"[]")

    assert answer.status_code == 404
    assert "/callbacks" in answer.json()["error"]


def test_health_and_metrics_need_no_credentials(guarded: Receiving) -> None:
    """A load balancer and Prometheus are not asked who they are."""
    with guarded.client() as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").json() == {"status": "ready"}
        client.post("/callbacks", content=b"[]")
        page = client.get("/metrics")

    assert page.headers["content-type"].startswith("text/plain")
    counted = re.search(
        r'^undelivered_requests_total\{status="401"\} ([0-9.]+)',
        page.text,
        re.MULTILINE,
    )
    assert counted is not None
    assert float(counted.group(1)) >= 1


def test_metrics_count_what_was_taken(receiver: Receiving) -> None:
    """Accepted and parked callbacks are counted apart."""

    def count(name: str) -> float:
        found = re.search(
            rf"^{name} ([0-9.e+]+)", receiver.get("/metrics").text, re.MULTILINE
        )
        assert found is not None
        return float(found.group(1))

    names = [f"undelivered_callbacks_{kind}_total" for kind in ("accepted", "parked")]
    before = [count(name) for name in names]
    receiver.post(b"[" + callback(new_id()) + b"," + callback(new_id()) + b",1]")

    assert [count(name) for name in names] == [before[0] + 2, before[1] + 1]


def test_the_provider_is_challenged_and_comes_again(
    guarded: Receiving, kafka: str
) -> None:
    """Its first request has no credentials; its second, on the same line, has."""
    reader = Reader(kafka)
    body = b"[" + callback(new_id()) + b"]"

    with guarded.client() as client:
        first = client.post("/callbacks", content=body)
        assert reader.records() == []
        second = client.post("/callbacks", content=body, auth=AUTH)

    assert first.status_code == 401
    assert (
        first.headers["www-authenticate"]
        == 'Basic realm="undelivered", charset="UTF-8"'
    )
    assert "connection" not in first.headers
    assert second.status_code == 200
    assert [record.value for record in reader.records()] == [body]


@pytest.mark.parametrize(
    ("username", "password"),
    [(USERNAME, "wrong"), ("wrong", PASSWORD), ("", ""), (PASSWORD, USERNAME)],
)
def test_a_wrong_pair_is_challenged(
    guarded: Receiving, username: str, password: str
) -> None:
    """Wrong is answered like missing."""
    auth = httpx.BasicAuth(username.encode(), password.encode())

    answer = guarded.post(b"[]", auth=auth)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


def test_a_large_body_without_credentials_hears_the_challenge(
    guarded: Receiving,
) -> None:
    """The body is read on, so that the line can be used for the next request."""
    refused = b"POST /callbacks HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s"
    last = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    wire = refused % (3 * MEBIBYTE, b"x" * 3 * MEBIBYTE) + last

    with closing(guarded.connect(wire)) as connection:
        answers = heard(connection)

    assert answers.startswith(b"HTTP/1.1 401 ")
    assert answers.count(b"HTTP/1.1 200 ") == 1


def test_a_refused_body_is_not_read_without_end(guarded: Receiving) -> None:
    """Who may not post cannot keep the receiver reading."""
    head = b"POST /callbacks HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999\r\n\r\n"
    assert bytes_taken(guarded, head) < 32 * MEBIBYTE


def test_credentials_are_not_in_the_output(guarded: Receiving) -> None:
    """Neither what is set nor what was tried is printed, also not encoded."""
    guarded.post(b"[]", auth=httpx.BasicAuth(b"tried-name", b"tried-word"))
    guarded.post(b"[]", auth=AUTH)

    encoded = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    for secret in (USERNAME, PASSWORD, encoded, "tried-name", "tried-word", "Basic "):
        assert secret not in guarded.said


FULL = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /callb",
        b"POST /callbacks HTTP/1.1\r\nhost: x\r\nx-long: ",
    ],
)
def test_half_a_header_is_closed(receiver: Receiving, sent: bytes) -> None:
    """A connection that does not say what it wants is not kept."""
    with closing(receiver.connect(sent)) as connection:
        began = time.monotonic()
        heard(connection)

    assert time.monotonic() - began < 4


@pytest.mark.parametrize("sent", [b"POST /callb", b"\r\n"])
def test_half_a_later_header_is_closed(receiver: Receiving, sent: bytes) -> None:
    """A connection that was served once gets no more time for its next request."""
    with closing(receiver.connect(FULL)) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(sent)
        began = time.monotonic()
        heard(connection)

    assert time.monotonic() - began < 4


def test_half_a_body_is_told_and_closed(receiver: Receiving) -> None:
    """A body that does not come is answered 408."""
    with closing(receiver.connect(HALF_BODY)) as connection:
        answer = heard(connection)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer


def bytes_taken(receiver: Receiving, start: bytes) -> int:
    """Send without end, up to 64 MiB; return how much could be sent."""
    sent = 0
    with closing(receiver.connect(start)) as connection:
        while sent < 64 * MEBIBYTE:
            try:
                sent += connection.send(b"x" * 65_536)
            except OSError:  # closed by the receiver
                break
    return sent


def test_an_endless_header_is_refused(receiver: Receiving) -> None:
    """A header is not collected without end."""
    taken = bytes_taken(receiver, b"GET / HTTP/1.1\r\nx-long: ")

    assert taken < 32 * MEBIBYTE


def test_stalled_connections_do_not_stop_the_others(receiver: Receiving) -> None:
    """Of 200 connections half stall; the other half is served."""
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(closing(receiver.connect(HALF_BODY)))
        pool = stack.enter_context(ThreadPoolExecutor(100))
        answers = pool.map(receiver.post, [callback(new_id()) for _ in range(100)])
        assert [answer.status_code for answer in answers] == [200] * 100


def test_connections_beyond_the_limit_are_answered_503(
    kafka: str, tmp_path: Path
) -> None:
    """Above the bound a client hears 503; the process's memory does not grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = 400  # leaves 80 connections
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    with ExitStack() as stack:
        try:
            running = stack.enter_context(receiving(kafka, tmp_path))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert running.post(callback(new_id())).status_code == 200
        for _ in range(100):
            stack.enter_context(closing(running.connect(HALF_BODY)))

        assert running.post(callback(new_id())).status_code == 503


def test_a_body_of_many_elements_does_not_stop_the_others(
    receiver: Receiving,
) -> None:
    """While a large body is taken apart, other callbacks are answered."""
    many = b"[" + b",".join([b"1"] * 200_000) + b"]"
    seconds = []

    with ThreadPoolExecutor(1) as pool, receiver.client() as client:
        asked = pool.submit(receiver.post, many)
        while not asked.done():
            answer = client.post("/callbacks", content=b"[]")
            assert answer.status_code == 200
            seconds.append(answer.elapsed.total_seconds())

    assert asked.result().json()["parked"] == 200_000
    assert max(seconds) < asked.result().elapsed.total_seconds() / 3


def test_no_kafka_is_said_in_one_sentence() -> None:
    """A receiver does not start without Kafka."""
    done = run_command(
        "receive", "--bootstrap-servers=127.0.0.1:1", "--receiver-port=0"
    )

    assert done.returncode == 2
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"UNDELIVERED_HOST": "0.0.0.0"}, "UNDELIVERED_PASSWORD"),  # noqa: S104
        ({"UNDELIVERED_USERNAME": "x"}, "UNDELIVERED_PASSWORD"),
        ({"UNDELIVERED_MAX_BODY_BYTES": "2097152"}, "UNDELIVERED_MAX_BODY_BYTES"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    kafka: str, environment: dict[str, str], words: str
) -> None:
    """One sentence says which setting, and what to do; exit code 2."""
    done = run_command(
        "receive",
        f"--bootstrap-servers={kafka}",
        "--receiver-port=0",
        environment=environment,
    )

    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_answers_are_json(receiver: Receiving) -> None:
    """Every answer of the route is a JSON object, errors with one sentence."""
    answers = [receiver.post(b"[]"), receiver.get("/callbacks"), receiver.get("/no")]

    for answer in answers:
        assert answer.headers["content-type"] == "application/json"
        assert isinstance(msgspec.json.decode(answer.content), dict)
        assert "server" not in answer.headers
