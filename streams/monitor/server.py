"""uvicorn, as the monitor needs it: on the loop of the Faust application."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from streams.settings import ConfigurationError

# Beside the clients of the stream, which have a bound of their own.
_OTHER_CONNECTIONS = 100
_GRACEFUL_SECONDS = 3
_KEEP_ALIVE_SECONDS = 10
_HEADER_SECONDS = 20.0
# Rows wait in here while a client reads slowly, beside what the kernel holds.
_SEND_BUFFER = 128 << 10
_NO_LINGER = struct.pack("ii", 1, 0)


class Protocol(HttpToolsProtocol):
    """One connection: lets an answer cut it off, and waits for no half header."""

    _waits: Any = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - asyncio's
        """Start the time of the first header."""
        super().connection_made(transport)
        if (opened := transport.get_extra_info("socket")) is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._waits = self.loop.call_later(_HEADER_SECONDS, transport.abort)

    def on_message_begin(self) -> None:
        """Give the request a way to cut its connection off."""
        super().on_message_begin()
        scope: Any = self.scope
        scope["undelivered.abort"] = self._cut_off
        if self._waits is None:
            self._waits = self.loop.call_later(_HEADER_SECONDS, self.transport.abort)

    def on_headers_complete(self) -> None:
        """End the header's time."""
        self._end_wait()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the header's time with the connection."""
        self._end_wait()
        super().connection_lost(exc)

    def _cut_off(self) -> None:
        """Close now, and let go of what waits to be sent, in the kernel too."""
        opened = self.transport.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()

    def _end_wait(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None


class Server(uvicorn.Server):
    """Leaves signals to the monitor."""

    def __init__(self, application: Any, clients: int) -> None:  # noqa: ANN401 - ASGI
        """Serve an application to so many streaming clients and some others."""
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
                limit_concurrency=clients + _OTHER_CONNECTIONS,
                timeout_graceful_shutdown=_GRACEFUL_SECONDS,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen.

    Raises:
        ConfigurationError: The address or the port cannot be had.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        raise ConfigurationError(
            f"The monitor cannot listen on {host}:{port} ({error.strerror or error}): "
            f"choose another with --monitor-port."
        ) from error
