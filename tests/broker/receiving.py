"""A receiver as a real process, and what it has written to Kafka."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaConsumer, TopicPartition

from streams.topics import CALLBACKS
from tests.broker.conftest import wait_for

HALF_BODY = b"POST /callbacks HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n[1,"
# Made once: fifty requests at once would read the certificates fifty times.
_TRUST = ssl.create_default_context()
_LISTENS = re.compile(r"listens on (http://(\S+):(\d+)/callbacks)")


@dataclass
class Receiving:
    """A running receiver."""

    process: subprocess.Popen[bytes]
    output: Path
    port: int

    @property
    def url(self) -> str:
        """Return where it answers, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """Return everything it has printed so far."""
        return self.output.read_text(errors="replace")

    def client(self) -> httpx.Client:
        """Make a client of its own connections."""
        return httpx.Client(base_url=self.url, timeout=20)

    def post(self, body: bytes, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Post a body over a new connection."""
        return httpx.post(
            f"{self.url}/callbacks", content=body, timeout=20, verify=_TRUST, **options
        )

    def get(self, path: str) -> httpx.Response:
        """Get a page over a new connection."""
        return httpx.get(self.url + path, timeout=20, verify=_TRUST)

    def waiting(self) -> int:
        """Return how many requests wait for Kafka."""
        lines = self.get("/metrics").text.splitlines()
        [line] = [x for x in lines if x.startswith("undelivered_requests_waiting ")]
        return int(float(line.split()[1]))

    def connect(self, sent: bytes) -> socket.socket:
        """Open a connection that sends these bytes and then nothing more."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(sent)
        return connection

    def end(self, seconds: float = 15.0) -> int:
        """Send SIGTERM and wait; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def heard(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    chunks = []
    while chunk := connection.recv(65_536):
        chunks.append(chunk)
    return b"".join(chunks)


@contextmanager
def receiving(
    bootstrap_servers: str, folder: Path, **environment: str
) -> Iterator[Receiving]:
    """Run `undelivered receive` on a free port; kill what is left of it after."""
    output = folder / "receiver.log"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "streams.cli",
                "receive",
                f"--data-dir={folder}",
                f"--bootstrap-servers={bootstrap_servers}",
                "--receiver-port=0",
            ],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )
    try:

        def look() -> re.Match[str] | None:
            said = output.read_text()
            assert process.poll() is None, f"it ended: {said}"
            return _LISTENS.search(said)

        found = wait_for(look, "the receiver listens")
        yield Receiving(process, output, int(found.group(3)))
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Written:
    """A record as Kafka has it."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Reader:
    """Reads what came to the topic callbacks since it was made."""

    def __init__(self, bootstrap_servers: str) -> None:
        """Note the ends of all partitions."""
        self._bootstrap_servers = bootstrap_servers
        with closing(self._connect()) as consumer:
            self._starts = consumer.end_offsets(self._partitions(consumer))

    def records(self) -> list[Written]:
        """Return the records up to the ends of now, partition by partition."""
        with closing(self._connect()) as consumer:
            partitions = self._partitions(consumer)
            ends = consumer.end_offsets(partitions)
            consumer.assign(partitions)
            for partition in partitions:
                consumer.seek(partition, self._starts[partition])
            found = []
            while any(consumer.position(p) < ends[p] for p in partitions):
                for records in consumer.poll(timeout_ms=500).values():
                    found.extend(records)
        return [
            Written(record.partition, record.key, record.value, list(record.headers))
            for record in sorted(found, key=lambda r: (r.partition, r.offset))
            if record.offset < ends[TopicPartition(CALLBACKS, record.partition)]
        ]

    def _connect(self) -> KafkaConsumer:
        return KafkaConsumer(
            bootstrap_servers=self._bootstrap_servers, enable_auto_commit=False
        )

    def _partitions(self, consumer: KafkaConsumer) -> list[TopicPartition]:
        numbers = consumer.partitions_for_topic(CALLBACKS)
        return [TopicPartition(CALLBACKS, number) for number in sorted(numbers)]
