"""Post bodies to a receiver as the provider does: some at once, each until taken."""

import base64
import http.client
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from streams.settings import ConfigurationError, Settings

CONNECTIONS = 16
_TRY_SECONDS = 60.0
_ANSWER_SECONDS = 10.0


class Answer(msgspec.Struct):
    """What the receiver says of a body that it has taken."""

    accepted: int
    parked: int
    problems: list[str] = []


class NotTakenError(Exception):
    """The receiver did not answer 200: the body is posted again."""


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts to one receiver; each thread has a connection of its own."""

    address: str
    path: str
    headers: dict[str, str]
    _local: threading.local = field(default_factory=threading.local)
    _opened: list[http.client.HTTPConnection] = field(default_factory=list)

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._opened:
            connection.close()

    def post(self, body: bytes) -> Answer:
        """Post a body until it is taken.

        Raises:
            NotTakenError: A minute was not enough.
            ConfigurationError: The receiver does not accept our credentials.
        """
        again = Retrying(
            retry=retry_if_exception_type((NotTakenError, OSError)),
            wait=wait_random(0.1, 1.0),
            stop=stop_after_delay(_TRY_SECONDS),
            reraise=True,
        )
        return again(self._once, body)

    def _once(self, body: bytes) -> Answer:
        connection = self._connection()
        try:
            connection.request("POST", self.path, body, self.headers)
            answer = connection.getresponse()
            content = answer.read()
        except http.client.HTTPException as error:
            connection.close()
            raise NotTakenError(f"{type(error).__name__}") from error
        except OSError:
            connection.close()
            raise
        if answer.status == http.client.UNAUTHORIZED:
            raise ConfigurationError(
                "The receiver does not accept the credentials: set UNDELIVERED_USERNAME"
                " and UNDELIVERED_PASSWORD to its own."
            )
        if answer.status != http.client.OK:
            raise NotTakenError(f"the receiver answered {answer.status}")
        return msgspec.json.decode(content, type=Answer)

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection(
                self.address, timeout=_ANSWER_SECONDS
            )
            self._opened.append(self._local.connection)
        connection: http.client.HTTPConnection = self._local.connection
        return connection


def poster(url: str, settings: Settings) -> Poster:
    """Return a poster to a receiver's URL, with the credentials of the settings."""
    parts = urlsplit(url)
    headers = {"content-type": "application/json"}
    if settings.username is not None and settings.password is not None:
        pair = f"{settings.username}:{settings.password.get_secret_value()}"
        token = base64.b64encode(pair.encode()).decode()
        headers["authorization"] = f"Basic {token}"
    return Poster(parts.netloc, parts.path, headers)


def post_all(
    to: Poster, bodies: Iterable[bytes], taken: Callable[[Answer], None]
) -> None:
    """Post bodies over a few connections at once.

    Args:
        to: The receiver.
        bodies: In the order they shall be begun.
        taken: Is told each answer, one at a time.
    """
    source = _Shared(iter(bodies))
    telling = threading.Lock()

    def work() -> None:
        for body in source:
            answer = to.post(body)
            with telling:
                taken(answer)

    with ThreadPoolExecutor(CONNECTIONS, "post") as pool:
        running = [pool.submit(work) for _ in range(CONNECTIONS)]
        try:
            for each in running:
                each.result()
        finally:
            source.stop()


class _Shared(Iterator[bytes]):
    """An iterator that threads may share, and that can be stopped."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._lock = threading.Lock()

    def __next__(self) -> bytes:
        with self._lock:
            return next(self._source)

    def stop(self) -> None:
        with self._lock:
            self._source = iter(())
