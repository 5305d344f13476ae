"""The HTTP receiver: a callback is in Kafka before it is answered with 200."""

import asyncio
import logging
import math
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from streams.core.outline import outline
from streams.intake.authentication import CHALLENGE, credentials_of, is_allowed
from streams.intake.body import (
    BodyReader,
    GoneError,
    NoRoomError,
    TooLargeError,
    TooSlowError,
)
from streams.intake.producer import CallbackProducer, KafkaUnavailableError
from streams.intake.server import Server, listen, run
from streams.settings import ConfigurationError
from streams.telemetry import (
    ACCEPTED,
    PARKED,
    REQUEST_SECONDS,
    REQUESTS,
    WAITING,
    health,
    respond,
)
from streams.topics import MAX_MESSAGE_BYTES, Log

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from prometheus_client import Counter

    from streams.core.outline import Element
    from streams.intake.authentication import Credentials
    from streams.settings import Settings
    from streams.telemetry import Receive, Scope, Send

PATH = "/callbacks"
PROBLEMS_SHOWN = 20
PROBLEM_LENGTH = 300
HELD_BYTES = 128 << 20
# Longer bodies are taken apart one at a time and beside the event loop: a mebibyte can
# hold 500,000 elements, which take three seconds and 250 MB.
SMALL_BODY_BYTES = 16 << 10
# A record's header, key and framing, generously.
RECORD_OVERHEAD_BYTES = 64 << 10
HURRY_SECONDS = 1.0

CLOSE = (b"connection", b"close")
RETRY_AFTER = (b"retry-after", b"5")
ALLOW = (b"allow", b"POST")


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a request is answered: status, body, further headers."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


def _error(status: int, sentence: str, *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(status, msgspec.json.encode({"error": sentence}), headers)


UNAUTHORIZED = "Send the user name and password set for this receiver (HTTP Basic)."
SHUTTING_DOWN = "The receiver is shutting down: send the callback again."
NOT_FOUND = _error(404, f"There is nothing here: POST callbacks to {PATH}.")
NO_ROOM = _error(
    503, "Too many callbacks are waiting: send it again later.", RETRY_AFTER, CLOSE
)
ONE_ACCEPTED = Answer(200, b'{"accepted":1,"parked":0,"problems":[]}')


class Receiver:
    """The ASGI application of one process."""

    def __init__(
        self,
        settings: "Settings",
        credentials: "Credentials | None",
        producer: CallbackProducer,
    ) -> None:
        """Answer by these settings, through this producer."""
        self._credentials = credentials
        self._producer = producer
        self._max_body_bytes = settings.max_body_bytes
        self._read_timeout_seconds = settings.read_timeout_seconds
        self._bodies = BodyReader(
            max_bytes=settings.max_body_bytes,
            drain_bytes=settings.drain_bytes,
            timeout_seconds=settings.read_timeout_seconds,
            held_bytes=max(HELD_BYTES, settings.max_body_bytes),
        )
        self._produce_timeout_seconds = settings.produce_timeout_seconds
        self._large = asyncio.Semaphore(1)
        self._is_ending = False
        self._waiting = 0
        WAITING.set_function(lambda: self._waiting)
        self._counted: dict[int, Counter] = {}

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request."""
        path = scope["path"]
        if path == PATH:
            await self._answer_callbacks(scope, receive, send)
        elif not await health(path, send, self.problem):
            await _send(send, NOT_FOUND)

    def problem(self) -> str | None:
        """Return why callbacks cannot be taken now, or None."""
        return "shutting down" if self._is_ending else self._producer.problem()

    def end(self) -> None:
        """Take no more callbacks than those whose requests have begun."""
        self._is_ending = True
        self._bodies.hurry(HURRY_SECONDS)

    async def _answer_callbacks(
        self, scope: "Scope", receive: "Receive", send: "Send"
    ) -> None:
        began = time.perf_counter()
        try:
            answer = await self._take(scope, receive)
        except GoneError:
            return
        await _send(send, answer)
        REQUEST_SECONDS.observe(time.perf_counter() - began)
        self._count(answer.status)

    async def _take(self, scope: "Scope", receive: "Receive") -> Answer:
        """Decide on the header, then on the body, then let Kafka decide."""
        if scope["method"] != "POST":
            return await self._refuse(
                receive, 405, f"Only POST is allowed on {PATH}.", ALLOW
            )
        if not is_allowed(_authorization(scope), self._credentials):
            return await self._refuse(receive, 401, UNAUTHORIZED, CHALLENGE)
        try:
            body = await self._bodies.read(receive)
        except TooLargeError:
            return _error(
                413, f"The body is longer than {self._max_body_bytes} bytes.", CLOSE
            )
        except TooSlowError:
            return self._too_slow()
        except NoRoomError:
            return NO_ROOM
        try:
            return await self._store(body)
        finally:
            self._bodies.release(body)

    async def _refuse(
        self,
        receive: "Receive",
        status: int,
        sentence: str,
        *headers: tuple[bytes, bytes],
    ) -> Answer:
        """Refuse a request, its body read so that the client hears the answer."""
        if await self._bodies.drain(receive):
            return _error(status, sentence, *headers)
        return _error(status, sentence, *headers, CLOSE)

    def _too_slow(self) -> Answer:
        if self._is_ending:
            return _error(503, SHUTTING_DOWN, RETRY_AFTER, CLOSE)
        return _error(
            408,
            f"The body did not arrive within {self._read_timeout_seconds:g} seconds.",
            CLOSE,
        )

    async def _store(self, body: bytes) -> Answer:
        if len(body) <= SMALL_BODY_BYTES:
            return await self._put(body, outline(body))
        try:
            async with asyncio.timeout(self._produce_timeout_seconds):
                await self._large.acquire()
        except TimeoutError:
            return NO_ROOM
        try:
            return await self._put(body, await asyncio.to_thread(outline, body))
        finally:
            self._large.release()

    async def _put(self, body: bytes, elements: "Sequence[Element]") -> Answer:
        self._waiting += 1
        try:
            await self._producer.put(body, elements)
        except KafkaUnavailableError as error:
            return _error(503, f"{error}: send it again later.", RETRY_AFTER)
        finally:
            self._waiting -= 1
        parked = sum(element.problem is not None for element in elements)
        ACCEPTED.inc(len(elements) - parked)
        PARKED.inc(parked)
        return stored(elements)

    def _count(self, status: int) -> None:
        counter = self._counted.get(status)
        if counter is None:
            counter = self._counted[status] = REQUESTS.labels(str(status))
        counter.inc()


def stored(elements: "Sequence[Element]") -> Answer:
    """Say what was stored: how many could be read, and what is wrong with the rest."""
    problems = [e.problem for e in elements if e.problem is not None]
    if len(elements) == 1 and not problems:
        return ONE_ACCEPTED
    shown = [problem[:PROBLEM_LENGTH] for problem in problems[:PROBLEMS_SHOWN]]
    found = {
        "accepted": len(elements) - len(problems),
        "parked": len(problems),
        "problems": shown,
    }
    return Answer(200, msgspec.json.encode(found))


def _authorization(scope: "Scope") -> bytes | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return bytes(value)
    return None


async def _send(send: "Send", answer: Answer) -> None:
    await respond(send, answer.status, answer.body, headers=answer.headers)


def serve(settings: "Settings", bootstrap_servers: str, log: Log, port: int) -> None:
    """Receive callbacks until SIGTERM or SIGINT; answer what is in flight; return.

    Args:
        settings: Address, limits and credentials.
        bootstrap_servers: host:port[,host:port].
        log: The log of topic callbacks.
        port: Port to listen on; 0 takes any free one.

    Raises:
        ConfigurationError: The credentials or the limits do not go together, the port
            cannot be had, or no Kafka answers.
    """
    credentials = credentials_of(settings)
    if settings.max_body_bytes > MAX_MESSAGE_BYTES - RECORD_OVERHEAD_BYTES:
        raise ConfigurationError(
            f"UNDELIVERED_MAX_BODY_BYTES is {settings.max_body_bytes}: set it to at "
            f"most {MAX_MESSAGE_BYTES - RECORD_OVERHEAD_BYTES}, Kafka takes no larger "
            f"record."
        )
    if not settings.debug:
        # They say each failed attempt and each bad request: the producer says what
        # matters, and an enemy shall not fill the disk.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    with listen(settings.host, port) as listener:
        run(_serve(settings, credentials, bootstrap_servers, log, listener))


async def _serve(
    settings: "Settings",
    credentials: "Credentials | None",
    bootstrap_servers: str,
    log: Log,
    listener: "socket.socket",
) -> None:
    producer = CallbackProducer(
        bootstrap_servers, log.partitions, settings.produce_timeout_seconds
    )
    try:
        await producer.start()
        receiver = Receiver(settings, credentials, producer)
        host, port = listener.getsockname()[:2]
        sys.stdout.write(f"Receiver listens on http://{host}:{port}{PATH}\n")
        sys.stdout.flush()
        server = Server(
            receiver,
            receiver.end,
            header_seconds=settings.read_timeout_seconds,
            graceful_seconds=math.ceil(
                HURRY_SECONDS + settings.produce_timeout_seconds
            ),
        )
        await server.serve(sockets=[listener])
    finally:
        await producer.stop()
