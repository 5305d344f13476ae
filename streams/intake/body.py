"""Reading a request's body: how much, how long, and how many bytes at once."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from streams.telemetry import Receive


class TooLargeError(Exception):
    """The body is longer than allowed; it was read on so that its sender listens."""


class TooSlowError(Exception):
    """The body did not arrive in time."""


class NoRoomError(Exception):
    """The bodies held already leave no room for this one."""


class GoneError(Exception):
    """The client went away in the middle of its request."""


class BodyReader:
    """Reads bodies within the limits of one process."""

    def __init__(
        self,
        *,
        max_bytes: int,
        drain_bytes: int,
        timeout_seconds: float,
        held_bytes: int,
    ) -> None:
        """Set the limits.

        Args:
            max_bytes: Longest body that is returned.
            drain_bytes: Bytes that are read at most of a body that nobody wants.
            timeout_seconds: Time for one whole body.
            held_bytes: Bytes of all bodies together that are not released yet.
        """
        self._max_bytes = max_bytes
        self._drain_bytes = max(drain_bytes, max_bytes)
        self._timeout_seconds = timeout_seconds
        self._free_bytes = held_bytes
        self._timeouts: set[asyncio.Timeout] = set()

    async def read(self, receive: "Receive") -> bytes:
        """Read a whole body; it counts as held until it is released.

        Raises:
            TooLargeError: It is longer than ``max_bytes``.
            TooSlowError: It did not arrive in time.
            NoRoomError: All bodies together are longer than ``held_bytes``.
            GoneError: The client went away.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds) as timeout:
                with self._listed(timeout):
                    return await self._read(receive)
        except TimeoutError as error:
            raise TooSlowError from error

    async def drain(self, receive: "Receive") -> bool:
        """Read a body that nobody wants; return whether it was read to its end.

        Raises:
            GoneError: The client went away.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds) as timeout:
                with self._listed(timeout):
                    return await self._skip(receive, 0)
        except TimeoutError:
            return False

    def release(self, body: bytes) -> None:
        """Give back the room of a body that was read."""
        self._free_bytes += len(body)

    def hurry(self, seconds: float) -> None:
        """Give bodies that are being read, and later ones, this long at most."""
        latest = asyncio.get_running_loop().time() + seconds
        self._timeout_seconds = min(self._timeout_seconds, seconds)
        for timeout in self._timeouts:
            when = timeout.when()
            if when is not None and when > latest:
                timeout.reschedule(latest)

    @contextmanager
    def _listed(self, timeout: asyncio.Timeout) -> Iterator[None]:
        self._timeouts.add(timeout)
        try:
            yield
        finally:
            self._timeouts.discard(timeout)

    async def _read(self, receive: "Receive") -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            is_whole = False
            while not is_whole:
                chunk, is_whole = await _next_chunk(receive)
                if size + len(chunk) > self._max_bytes:
                    await self._refuse(receive, size + len(chunk), is_whole=is_whole)
                self._take(len(chunk))
                size += len(chunk)
                chunks.append(chunk)
        except BaseException:
            self._free_bytes += size
            raise
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _refuse(
        self, receive: "Receive", size: int, *, is_whole: bool
    ) -> NoReturn:
        if not is_whole:
            await self._skip(receive, size)
        raise TooLargeError

    def _take(self, size: int) -> None:
        if size > self._free_bytes:
            raise NoRoomError
        self._free_bytes -= size

    async def _skip(self, receive: "Receive", size: int) -> bool:
        while size <= self._drain_bytes:
            chunk, is_whole = await _next_chunk(receive)
            if is_whole:
                return True
            size += len(chunk)
        return False


async def _next_chunk(receive: "Receive") -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise GoneError
    return message.get("body", b""), not message.get("more_body", False)
