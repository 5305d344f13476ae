"""The HTTP API: GET /api/rates, /api/stream, /api/openapi.json and health."""

import ipaddress
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from streams import telemetry
from streams.monitor.answering import (
    Answering,
    BusyError,
    TooMuchError,
    as_json,
    written,
)
from streams.monitor.asked import BadParameterError, parse
from streams.monitor.documents import PARAMETERS, ErrorAnswer, RatesAnswer
from streams.monitor.live import Live
from streams.monitor.streaming import Channels, EventStream, TooManyClientsError
from streams.telemetry import Receive, Scope, Send

_JSON = "application/json"
# Live answers change several times a second; older ones with each late callback.
_CACHE = "private, max-age=1"
_NO_STORE = "no-store"
_GZIP_BYTES = 1_000
_GZIP_LEVEL = 4
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "A parameter is not usable."},
    503: {"model": ErrorAnswer, "description": "Not ready, or too busy; ask again."},
}
_STREAM_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `all`, then `changes` once a second.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


def create_api(live: Live, answering: Answering, channels: Channels) -> FastAPI:
    """Make the application: routes, documents, errors as sentences."""
    api = FastAPI(
        title="undelivered",
        version=version("undelivered"),
        description="Rates of what is not delivered, within a second of the callback.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    api.add_middleware(
        GZipMiddleware, minimum_size=_GZIP_BYTES, compresslevel=_GZIP_LEVEL
    )
    api.add_exception_handler(HTTPException, _as_sentence)

    @api.get(
        "/api/rates",
        summary="Failure rates by window and any dimensions",
        response_model=RatesAnswer,
        responses=_ERRORS,
        openapi_extra={"parameters": PARAMETERS},
    )
    async def rates(request: Request) -> Response:
        began = time.perf_counter()
        answer = await _rates(request, live, answering)
        if isinstance(answer, Response):
            _observe(began, answer.status_code)
            return answer
        chunks = _measured(written(answer), began)
        return StreamingResponse(
            chunks, media_type=_JSON, headers={"cache-control": _CACHE}
        )

    @api.get(
        "/api/stream",
        summary="The same rows once a second, as server-sent events",
        response_class=Response,
        responses=_STREAM_ANSWER | _ERRORS,
        openapi_extra={"parameters": PARAMETERS},
    )
    async def stream(request: Request) -> Response:
        if (reason := live.unready()) is not None:
            return _unready(reason)
        given = request.query_params.multi_items()
        try:
            parse(given, now(live))
            client = await channels.join(given, request.headers.get("last-event-id"))
        except (BadParameterError, TooMuchError) as error:
            return _error(400, str(error))
        except (BusyError, TooManyClientsError) as error:
            return _error(503, str(error))
        return EventStream(client, channels.is_ending)

    api.openapi = lambda: _document(api)  # type: ignore[method-assign]
    return api


async def _rates(request: Request, live: Live, answering: Answering) -> Any:  # noqa: ANN401
    if (reason := live.unready()) is not None:
        return _unready(reason)
    try:
        query = parse(request.query_params.multi_items(), now(live))
        return await answering.answer(query)
    except (BadParameterError, TooMuchError) as error:
        return _error(400, str(error))
    except BusyError as error:
        return _error(503, str(error))


def now(live: Live) -> datetime:
    """Return the broker's time; the machine's while no message has told it."""
    told = timedelta(milliseconds=live.signs.now_ms())
    return datetime(1970, 1, 1, tzinfo=UTC) + told


async def _measured(chunks: Iterator[bytes], began: float) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    _observe(began, 200)


def _observe(began: float, status: int) -> None:
    telemetry.API_SECONDS.labels(str(status)).observe(time.perf_counter() - began)


def _unready(reason: str) -> Response:
    return _error(503, f"The monitor is not ready ({reason}): ask again in a second.")


def _error(status: int, sentence: str) -> Response:
    headers = {"cache-control": _NO_STORE}
    if status == 503:  # noqa: PLR2004 - service unavailable
        headers["retry-after"] = "1"
    body = as_json({"error": sentence})
    return Response(body, status, media_type=_JSON, headers=headers)


async def _as_sentence(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    if error.status_code == 405:  # noqa: PLR2004 - method not allowed
        answer = _error(405, "Only GET is allowed here.")
        answer.headers["allow"] = "GET"
        return answer
    return _error(
        error.status_code,
        "There is nothing here: ask /api/rates; /api/openapi.json says what.",
    )


def _document(api: FastAPI) -> dict[str, Any]:
    """Write the OpenAPI document; FastAPI's own 422 does not occur."""
    if api.openapi_schema is None:
        document = get_openapi(
            title=api.title,
            version=api.version,
            description=api.description,
            routes=api.routes,
        )
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        api.openapi_schema = document
    return api.openapi_schema


class Door:
    """What every request passes: the Host header, health, headers of the answer."""

    def __init__(self, api: FastAPI, live: Live, host: str) -> None:
        """Let in requests of any Host header, of loopback names alone on loopback."""
        self._api = api
        self._live = live
        self._only_loopback = _is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_safely(message: Any) -> None:  # noqa: ANN401 - ASGI
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        if self._only_loopback and not _is_loopback(_host_of(scope)):
            # A page of another site, whose name was made to point here, is not let in.
            body = as_json({"error": "The Host header names another machine."})
            await telemetry.respond(send_safely, 400, body)
        elif not await telemetry.health(scope["path"], send_safely, self._live.unready):
            await self._api(scope, receive, send_safely)


def _host_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            text = bytes(value).decode("latin-1")
            host, _, port = text.rpartition(":")
            return host if host and port.isdecimal() else text
    return ""


def _is_loopback(host: str) -> bool:
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
