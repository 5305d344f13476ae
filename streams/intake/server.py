"""uvicorn, as the receiver needs it."""

import asyncio
import contextlib
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import uvicorn
import uvloop

from streams.intake.connection import UNHEARD_CONNECTIONS, BoundedProtocol
from streams.settings import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Coroutine

CONNECTIONS = 2_000
# Files of the process that are not connections of clients.
OTHER_FILES = 64
BACKLOG = 2_048


class Server(uvicorn.Server):
    """Runs the application until a signal, and leaves the ending to its caller.

    uvicorn's own way raises the signal once more at its end, which would kill the
    process before the producer is closed.
    """

    def __init__(
        self,
        application: Any,  # noqa: ANN401 - ASGI's own types are uvicorn's
        on_end: Callable[[], None],
        *,
        header_seconds: float,
        graceful_seconds: int,
    ) -> None:
        """Set up what is served.

        Args:
            application: The ASGI application.
            on_end: Called when the ending begins.
            header_seconds: Time for one request's header.
            graceful_seconds: Time for the answers that are due when the ending begins.
        """

        class Protocol(BoundedProtocol):
            pass

        Protocol.header_seconds = header_seconds
        super().__init__(
            uvicorn.Config(
                application,
                http=Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                limit_concurrency=connection_limit(),
                timeout_graceful_shutdown=graceful_seconds,
            )
        )
        self._on_end = on_end

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT begin the ending."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self._end)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def _end(self) -> None:
        self._on_end()
        self.should_exit = True


def connection_limit() -> int:
    """Return how many connections are answered, by the open files allowed."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS
    return max(1, min(CONNECTIONS, soft - UNHEARD_CONNECTIONS - OTHER_FILES))


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen.

    Raises:
        ConfigurationError: The address or the port cannot be had.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"The receiver cannot listen on {host}:{port}: {error.strerror or error}; "
            f"choose another with --receiver-port."
        ) from error


def run(work: "Coroutine[Any, Any, None]") -> None:
    """Run a coroutine on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)
