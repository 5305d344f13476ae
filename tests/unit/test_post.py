"""Posting as the provider does: some at once, and again until a body is taken."""

import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from streams.settings import ConfigurationError, load
from streams.stack import post
from streams.stack.post import Answer

TAKEN = b'{"accepted":1,"parked":0,"problems":[]}'


class Receiver(ThreadingHTTPServer):
    """Answers with the statuses it is given, then with 200, and keeps what came."""

    def __init__(self, statuses: list[int]) -> None:
        """Listen on any free port."""
        self.statuses = statuses
        self.bodies: list[bytes] = []
        self.credentials: set[str | None] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """Return where to post to."""
        return f"http://127.0.0.1:{self.server_port}/callbacks"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(body)
        self.server.credentials.add(self.headers["authorization"])
        self.send_response(self.server.statuses.pop() if self.server.statuses else 200)
        self.send_header("content-length", str(len(TAKEN)))
        self.end_headers()
        self.wfile.write(TAKEN)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that takes everything, until a test gives it other statuses."""
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    with Receiver([]) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_each_body_is_posted_once_and_each_answer_is_told(receiver: Receiver) -> None:
    """Over several connections at once, so in any order."""
    bodies = [b"%d" % number for number in range(100)]
    answers: list[Answer] = []

    with closing(post.poster(receiver.url, load())) as to:
        post.post_all(to, bodies, answers.append)

    assert sorted(receiver.bodies) == sorted(bodies)
    assert answers == [Answer(accepted=1, parked=0)] * 100
    assert receiver.credentials == {None}


def test_body_that_is_not_taken_is_posted_again(receiver: Receiver) -> None:
    """503 says: later."""
    receiver.statuses = [503, 503]

    with closing(post.poster(receiver.url, load())) as to:
        answer = to.post(b"body")

    assert answer.accepted == 1
    assert receiver.bodies == [b"body"] * 3


def test_credentials_of_the_settings_are_sent(receiver: Receiver) -> None:
    """As UTF-8, a colon in the password included."""
    settings = load(username="né", password="a:b")  # noqa: S106 - of this test

    with closing(post.poster(receiver.url, settings)) as to:
        to.post(b"body")

    (sent,) = receiver.credentials
    assert sent is not None
    assert b64decode(sent.removeprefix("Basic ")).decode() == "né:a:b"


def test_wrong_credentials_are_an_error_and_not_tried_again(receiver: Receiver) -> None:
    """Waiting does not make them right."""
    receiver.statuses = [401]

    with (
        closing(post.poster(receiver.url, load())) as to,
        pytest.raises(ConfigurationError, match="UNDELIVERED_PASSWORD"),
    ):
        post.post_all(to, [b"body"], lambda _: None)

    assert receiver.bodies == [b"body"]
