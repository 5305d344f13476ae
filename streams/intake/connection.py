"""One HTTP connection: uvicorn's own, with a bound on its header's time and size."""

import asyncio
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from asyncio import TimerHandle

HEADER_BYTES = 64 << 10
# Connections beyond this are closed unheard; uvicorn's own limit answers them 503.
UNHEARD_CONNECTIONS = 256

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose header stays unfinished, or grows without end.

    uvicorn waits for half a header for ever, and takes one of any length.
    """

    header_seconds = 20.0

    _header_timer: "TimerHandle | None" = None
    _header_bytes = 0

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        """Start the header's time with the connection."""
        super().connection_made(transport)
        limit = self.limit_concurrency
        if limit and len(self.connections) > limit + UNHEARD_CONNECTIONS:
            transport.abort()
        else:
            self._await_header()

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a header that is not whole yet."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._header_timer is None:
            if self.cycle is not None and not self.cycle.response_complete:
                return
            # Bytes outside a request, such as empty lines, end uvicorn's own timer.
            self._await_header()
        self._header_bytes += len(data)
        if self._header_bytes > HEADER_BYTES:
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Start the time of a later request's header with its first byte."""
        super().on_message_begin()
        if self._header_timer is None:
            self._await_header()

    def on_headers_complete(self) -> None:
        """End the header's time."""
        self._end_header()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the header's time with the connection."""
        self._end_header()
        super().connection_lost(exc)

    def _await_header(self) -> None:
        self._header_bytes = 0
        self._header_timer = self.loop.call_later(self.header_seconds, self._give_up)

    def _end_header(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
