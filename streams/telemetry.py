"""Metrics and health: each metric declared once with type, unit, meaning."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

REGISTRY = CollectorRegistry(auto_describe=True)

REQUESTS = Counter(
    "undelivered_requests_total",
    "Answers of POST /callbacks, by HTTP status.",
    ["status"],
    registry=REGISTRY,
)
ACCEPTED = Counter(
    "undelivered_callbacks_accepted_total",
    "Readable callbacks that Kafka has acknowledged.",
    registry=REGISTRY,
)
PARKED = Counter(
    "undelivered_callbacks_parked_total",
    "Bodies or elements that cannot be read and were kept as they came.",
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "undelivered_request_seconds",
    "Time from a request's header to its answer, seconds.",
    registry=REGISTRY,
)
WAITING = Gauge(
    "undelivered_requests_waiting",
    "Requests whose callbacks wait for Kafka to acknowledge them.",
    registry=REGISTRY,
)

ROWS = Counter(
    "undelivered_rows_archived_total",
    "Rows committed to table callbacks, by partition.",
    ["partition"],
    registry=REGISTRY,
)
COPIES = Counter(
    "undelivered_copies_total",
    "Redelivered copies of events that were archived and not counted, by partition.",
    ["partition"],
    registry=REGISTRY,
)
TRIMMED = Counter(
    "undelivered_trimmed_records_total",
    "Records fetched again that were taken in already, by partition.",
    ["partition"],
    registry=REGISTRY,
)
ROWS_A_SECOND = Gauge(
    "undelivered_rows_a_second",
    "Rows archived in the last minute, a second, by partition.",
    ["partition"],
    registry=REGISTRY,
)
FLUSH_AGE = Gauge(
    "undelivered_flush_age_seconds",
    "How long the oldest row that is not archived has waited, seconds, by partition.",
    ["partition"],
    registry=REGISTRY,
)
COMMITS = Counter(
    "undelivered_commits_total",
    "Commits, by table and result (done, refused, failed).",
    ["table", "result"],
    registry=REGISTRY,
)
COMMIT_SECONDS = Histogram(
    "undelivered_commit_seconds",
    "Time of one commit, seconds, by table.",
    ["table"],
    registry=REGISTRY,
)
RESETS = Counter(
    "undelivered_resets_total",
    "Times a partition was made again because another worker had moved it.",
    ["partition"],
    registry=REGISTRY,
)
POSITION = Gauge(
    "undelivered_position",
    "Archived position: offset of the next record to take in, by partition.",
    ["partition"],
    registry=REGISTRY,
)
TAKEN_IN = Gauge(
    "undelivered_taken_in_position",
    "Offset of the next record to take in, archived or not yet, by partition.",
    ["partition"],
    registry=REGISTRY,
)
LOST = Counter(
    "undelivered_lost_offsets_total",
    "Offsets that Kafka deleted before they were archived, by partition (table gaps).",
    ["partition"],
    registry=REGISTRY,
)
LAG = Gauge(
    "undelivered_lag_records",
    "Records in the topic that are not taken in yet, by partition.",
    ["partition"],
    registry=REGISTRY,
)
PUBLISHED = Counter(
    "undelivered_publications_total",
    "Messages to topic window-counts, by kind (changed, complete, failed).",
    ["kind"],
    registry=REGISTRY,
)

PUBLICATIONS_READ = Counter(
    "undelivered_publications_read_total",
    "Records of topic window-counts that the monitor took in (read, unreadable).",
    ["result"],
    registry=REGISTRY,
)
CELLS = Gauge(
    "undelivered_cells_in_memory",
    "Cells that the monitor holds: a minute and one value of every dimension.",
    registry=REGISTRY,
)
BEHIND_SECONDS = Gauge(
    "undelivered_behind_seconds",
    "Broker's time less as_of of the monitor's answers, seconds; -1 when not known.",
    registry=REGISTRY,
)
API_SECONDS = Histogram(
    "undelivered_api_seconds",
    "Time to the last byte of an answer of GET /api/rates, seconds, by HTTP status.",
    ["status"],
    registry=REGISTRY,
)
STREAM_CLIENTS = Gauge(
    "undelivered_stream_clients",
    "Clients that GET /api/stream is answering.",
    registry=REGISTRY,
)
STREAMS_CUT_OFF = Counter(
    "undelivered_streams_cut_off_total",
    "Clients of GET /api/stream that did not read in time.",
    registry=REGISTRY,
)


def forget_partitions() -> None:
    """Show no partition any more: what another worker holds is not ours to tell."""
    for gauge in (POSITION, TAKEN_IN, LAG, FLUSH_AGE, ROWS_A_SECOND):
        gauge.clear()


Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Readiness = Callable[[], str | None]


async def respond(
    send: Send,
    status: int,
    body: bytes,
    content_type: bytes = b"application/json",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    """Send one whole ASGI answer."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def health(path: str, send: Send, problem: Readiness) -> bool:
    """Answer /livez, /readyz and /metrics; return False for any other path.

    Args:
        path: The request's path.
        send: ASGI send.
        problem: Returns why the process cannot do its work now, or None.
    """
    if path == "/livez":
        await respond(send, 200, b'{"status":"alive"}')
    elif path == "/readyz":
        reason = problem()
        status = {"status": "ready"} if reason is None else {"status": reason}
        await respond(send, 200 if reason is None else 503, msgspec.json.encode(status))
    elif path == "/metrics":
        await respond(
            send, 200, generate_latest(REGISTRY), CONTENT_TYPE_LATEST.encode()
        )
    else:
        return False
    return True
