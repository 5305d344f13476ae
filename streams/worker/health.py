"""The worker's /livez, /readyz and /metrics, on a thread of their own."""

import asyncio
import socket
from threading import Thread

import uvicorn

from streams import telemetry
from streams.settings import ConfigurationError
from streams.telemetry import Readiness, Receive, Scope, Send


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} of {host} cannot be had ({error.strerror}): set "
            f"--worker-port to another, or to 0."
        ) from error


class HealthServer:
    """Answers also while the worker's own loop is busy."""

    def __init__(self, host: str, port: int, problem: Readiness) -> None:
        """Make the server; it listens after :meth:`start`."""
        self._problem = problem
        config = uvicorn.Config(
            self._answer,
            host=host,
            port=port,
            interface="asgi3",
            lifespan="off",
            proxy_headers=False,
            log_config=None,
            access_log=False,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._listener = _listen(host, port)
        self._thread = Thread(target=self._serve, name="health", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and wait until the port is free."""
        self._server.should_exit = True
        self._thread.join(timeout=5)

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._listener]))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        if scope["type"] != "http":
            return
        if not await telemetry.health(scope["path"], send, self._problem):
            await telemetry.respond(send, 404, b'{"error":"no such page"}')
