"""Measure the receiver: requests a second and CPU a request, beside a bare handler.

    python -m benchmarks.receiver [--seconds 3]

Both are measured in the same run, one after the other, as processes of their own under
the same load: keep-alive connections that each post one callback of about 500 bytes and
wait for its answer. The bare handler only reads the body and answers 200 on the same
server. CPU is that of the measured process, user and system.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import uvloop

from tests.broker.conftest import embedded_kafka

CONNECTIONS = (1, 64, 256)
ROUNDS = 3
BARE = """
import socket, sys, uvicorn
async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    body = b'{"accepted":1,"parked":0,"problems":[]}'
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
print(f"listens on http://127.0.0.1:{listener.getsockname()[1]}/callbacks", flush=True)
config = uvicorn.Config(app, http="httptools", loop="uvloop", ws="none", lifespan="off",
                        log_config=None, access_log=False, proxy_headers=False)
uvicorn.Server(config).run(sockets=[listener])
"""
CALLBACK = (
    '[{"type":"message-failed","time":"2026-05-04T10:00:00.123456Z",'
    '"description":"rejected-carrier-network-unreachable","to":"+15550101111",'
    '"errorCode":4720,"carrierName":"AT&T","message":{"id":"%s","owner":"+15550102222",'
    '"applicationId":"93de2206-9669-4e07-948d-329f4b722ee2",'
    '"time":"2026-05-04T09:59:58.123456Z","segmentCount":1,"direction":"out",'
    '"to":["+15550101111"],"from":"+15550102222","text":"","tag":"spring campaign"}}]'
)


@contextmanager
def process(command: list[str]) -> Iterator[tuple[psutil.Process, int]]:
    """Run a server until the end of the block; give it and its port."""
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        for line in server.stdout or ():
            found = re.search(r"listens on http://\S+:(\d+)/", line)
            if found:
                yield psutil.Process(server.pid), int(found.group(1))
                return
        raise SystemExit(f"{command[0]} did not start")
    finally:
        server.terminate()
        server.wait()


async def client(port: int, deadline: float, times: list[float]) -> None:
    """Post over one connection until the deadline; note each answer's time, seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (began := time.perf_counter()) < deadline:
        body = CALLBACK % uuid.uuid4().hex
        writer.write(
            f"POST /callbacks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n{body}".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode())
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        times.append(time.perf_counter() - began)
    writer.close()


def measure(port: int, connections: int, seconds: float) -> list[float]:
    """Put load on a server; return the time of each answer, seconds."""
    times: list[float] = []

    async def run() -> None:
        deadline = time.perf_counter() + seconds
        await asyncio.gather(
            *(client(port, deadline, times) for _ in range(connections))
        )

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    return sorted(times)


def report(name: str, server: psutil.Process, port: int, seconds: float) -> None:
    """Print one line for each number of connections: the best of the rounds."""
    for connections in CONNECTIONS:
        measure(port, connections, 0.5)
        lines = []
        for _ in range(ROUNDS):
            before = sum(server.cpu_times()[:2])
            times = measure(port, connections, seconds)
            cpu = sum(server.cpu_times()[:2]) - before
            p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
            lines.append((cpu / len(times) * 1e6, len(times) / seconds, p50, p99))
        cpu_us, rate, p50, p99 = min(lines)
        memory = server.memory_info().rss >> 20
        print(
            f"| {name} | {connections} | {rate:,.0f} | {cpu_us:.1f} "
            f"| {p50 * 1e3:.2f} | {p99 * 1e3:.2f} | {memory} |",
            flush=True,
        )


def main() -> None:
    """Measure the bare handler, then the receiver in front of a Kafka of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    seconds = parser.parse_args().seconds
    os.environ.pop("UNDELIVERED_USERNAME", None)
    os.environ.pop("UNDELIVERED_PASSWORD", None)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(
        "| server | connections | requests/s | CPU µs/request | p50 ms | p99 ms | MiB |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name, embedded_kafka(Path(name)) as servers:
        receive = ["-m", "streams.cli", "receive", "--receiver-port=0"]
        receive.append(f"--bootstrap-servers={servers}")
        for who, words in (("bare handler", ["-c", BARE]), ("receiver", receive)):
            with process([sys.executable, *words]) as (server, port):
                report(who, server, port, seconds)


if __name__ == "__main__":
    main()
