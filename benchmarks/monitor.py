"""Measure the monitor: its start over a day of counts, POST → API, many clients.

    python -m benchmarks.monitor [--rate 10000] [--seconds 30]

One Kafka, a receiver, a worker and a monitor, each a process of its own, over 26 hours
of 100 events a second in the table.

* Start: until /readyz says so, with all that the hours have left in the table.
* POST → API: callbacks come into Kafka at the rate, half of what the worker can do on
  the machine; twice a second one of a carrier of its own is posted, and the API is
  asked for that carrier until it is there.
* Clients: 100 callbacks a second, 50 clients of the stream, 20 requests a second.
"""

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
from aiokafka import AIOKafkaProducer
from deltalake import CommitProperties, Transaction, write_deltalake
from rich.console import Console
from rich.table import Table

from benchmarks.load import callbacks
from streams import topics
from streams.archive import schema, syncing
from streams.stack import ports
from tests.broker.conftest import embedded_kafka

HOURS, EVENTS_A_SECOND = 26, 100
STREAMS, REQUESTS_A_SECOND = 50, 20
PROBES_A_SECOND = 2
A_RECORD = 10
_KINDS = 20
DEADLINE = 120.0
QUESTIONS = (
    "since=1h&window=5m&by=country",
    "since=1h&window=1m&by=error_code",
    "since=1h&by=country,error_code&top=10",
    "since=1h&by=country&compare=1d",
    "since=12h&window=15m",
    "since=24h&window=1h&by=error_code&country=MX",
    "since=15m&window=1m&by=carrier,sender_type",
)
_COUNTRIES = ["US"] * 10 + ["CA", "MX", "BR", "GB", "IN", "BS", "DE", "FR", "ZZ"]
_ENDS = [("delivered", None)] * 11 + [("failed", 4770), ("failed", 4720)]


def fill_table(data_dir: Path) -> int:
    """Write the hours as the worker would have, a commit a minute; return the rows."""
    path = schema.window_counts_path(data_dir)
    path.mkdir(parents=True)
    draw = random.Random(1)  # noqa: S311 - a load, no secret
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    kinds = [_increments(draw, now) for _ in range(_KINDS)]
    written, moves = 0, list[Transaction]()
    for place in range(HOURS * 60):
        back = timedelta(minutes=HOURS * 60 - place)
        rows = _moved(kinds[place % _KINDS], back, place)
        moves = [Transaction(f"old/{p}", (place + 1) * 750) for p in range(8)]
        write_deltalake(
            str(path),
            rows,
            mode="append",
            partition_by=["committed_date"],
            writer_properties=schema.WINDOW_COUNTS_WRITER,
            commit_properties=CommitProperties(app_transactions=moves),
        )
        written += len(rows)
    # Counts never run ahead of the callbacks, which are not kept any more.
    write_deltalake(
        str(schema.callbacks_path(data_dir)),
        schema.CALLBACKS.empty_table(),
        partition_by=["received_date"],
        commit_properties=CommitProperties(app_transactions=moves),
    )
    # As the worker notes it: else its first start would read every file as a whole.
    syncing.note_of(path).write_text(str(HOURS * 60 - 1), encoding="ascii")
    return written


def _moved(rows: pa.Table, back: timedelta, place: int) -> pa.Table:
    """Move increments back in time, and to the positions of a commit."""
    start = pc.subtract(rows["window_start"], pa.scalar(back, pa.duration("us")))
    columns = dict(zip(rows.column_names, rows.columns, strict=True)) | {
        "window_start": start,
        "committed_date": pc.cast(start, pa.date32()),
        "from_position": pa.repeat(pa.scalar(place * 750), len(rows)),
        "to_position": pa.repeat(pa.scalar(place * 750 + 750), len(rows)),
    }
    columns["committed_date"] = pa.repeat(pc.max(columns["committed_date"]), len(rows))
    return pa.table(columns, schema=schema.WINDOW_COUNTS)


def _increments(draw: random.Random, minute: datetime) -> pa.Table:
    cells: dict[tuple[Any, ...], int] = {}
    for _ in range(EVENTS_A_SECOND * 60):
        outcome, code = draw.choice(_ENDS)
        late = min(int(draw.expovariate(2)), 5)
        cell = (
            draw.randrange(8),
            minute - timedelta(minutes=late),
            draw.choice(_COUNTRIES),
            draw.choice(("AT&T", "Verizon", "TMobile", "other")),
            draw.choice(("long_code", "toll_free")),
            outcome,
            code,
        )
        cells[cell] = cells.get(cell, 0) + 1
    rows = [
        {
            "log_id": "old",
            "kafka_partition": cell[0],
            "from_position": 0,
            "to_position": 1,
            "committed_date": minute.date(),
            "window_start": cell[1],
            "country": cell[2],
            "carrier": cell[3],
            "application_id": "cfd4fb83-7531-4acc-b471-42d0bb76a65c",
            "channel": "SMS",
            "sender_type": cell[4],
            "outcome": cell[5],
            "error_code": cell[6],
            "events": events,
            "segments": events,
            "rules_version": schema.RULES_VERSION,
        }
        for cell, events in cells.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema.WINDOW_COUNTS)


@contextmanager
def process(command: str, servers: str, data_dir: Path) -> Iterator[tuple[Any, str]]:
    """Run a command of the program; give the process and its address."""
    name = {"receive": "receiver", "work": "worker", "monitor": "monitor"}[command]
    port = ports.choose(name, 0)
    words = [
        *(sys.executable, "-m", "streams.cli", command),
        f"--bootstrap-servers={servers}",
        f"--data-dir={data_dir}",
        f"--{name}-port={port}",
    ]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as running:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_ready(address)
            yield psutil.Process(running.pid), address
        finally:
            running.terminate()


def _wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.get(f"{address}/readyz", timeout=5).status_code == 200:
                return
        time.sleep(0.05)
    raise TimeoutError(address)


class Traffic:
    """Callbacks of now into Kafka, at a rate, until it is told to end."""

    def __init__(self, servers: str, rate: int) -> None:
        """Make some seconds' worth; they come again with other ids."""
        self._servers = servers
        self._rate = rate
        self._ends = asyncio.Event()
        self.sent = 0

    async def run(self) -> None:
        """Produce a batch ten times a second."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers, acks=1, linger_ms=5
        )
        await producer.start()
        source = callbacks(10**9, seed=int(time.time()))
        began, each = time.monotonic(), max(1, self._rate // 10)
        while not self._ends.is_set():
            for record in self._records(source, each):
                await producer.send(
                    topics.CALLBACKS, record.value, partition=record.partition
                )
            self.sent += each
            behind = began + self.sent / self._rate - time.monotonic()
            await asyncio.sleep(max(0, behind))
        await producer.stop()

    @staticmethod
    def _records(source: Iterator[tuple[str, bytes]], count: int) -> Iterator[Any]:
        now = datetime.now(UTC).isoformat().encode()
        groups: dict[int, list[topics.Element]] = {}
        for _ in range(count):
            message_id, content = next(source)
            content = b'{"time":"%b",%b' % (now, content.split(b",", 1)[1])
            partition = topics.partition_of(message_id.encode(), 8)
            group = groups.setdefault(partition, [])
            group.append(topics.Element(content, message_id))
            if len(group) == A_RECORD:
                yield topics.record_of(partition, groups.pop(partition))
        for partition, group in groups.items():
            yield topics.record_of(partition, group)

    def end(self) -> None:
        """Stop producing."""
        self._ends.set()


async def post_to_api(receiver: str, monitor: str, seconds: float) -> list[float]:
    """Post probes; return for each how long until the API has it, seconds."""
    async with httpx.AsyncClient(timeout=30) as client:
        tasks = []
        for number in range(round(seconds * PROBES_A_SECOND)):
            tasks.append(asyncio.create_task(_probe(client, receiver, monitor, number)))
            await asyncio.sleep(1 / PROBES_A_SECOND)
        return list(await asyncio.gather(*tasks))


async def _probe(
    client: httpx.AsyncClient, receiver: str, monitor: str, number: int
) -> float:
    carrier = f"probe-{time.time_ns()}"
    body = {
        "type": "message-delivered",
        "time": datetime.now(UTC).isoformat(),
        "to": "+12065550100",
        "carrierName": carrier,
        "message": {"id": f"{carrier}-{number}", "to": ["+12065550100"]},
    }
    began = time.perf_counter()
    answer = await client.post(f"{receiver}/callbacks", json=[body])
    answer.raise_for_status()
    while True:
        found = await client.get(f"{monitor}/api/rates", params={"carrier": carrier})
        if found.status_code == 200 and found.json()["rows"]:
            return time.perf_counter() - began
        if time.perf_counter() - began > DEADLINE:
            raise TimeoutError(carrier)
        await asyncio.sleep(0.02)


async def clients(monitor: str, seconds: float) -> tuple[list[float], int]:
    """Stream to many and ask often; return the answers' times and events read."""
    ends = asyncio.Event()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=30, limits=limits) as client:
        streams = [
            asyncio.create_task(_read_stream(client, monitor, number, ends))
            for number in range(STREAMS)
        ]
        asked = []
        for number in range(round(seconds * REQUESTS_A_SECOND)):
            question = QUESTIONS[number % len(QUESTIONS)]
            asked.append(asyncio.create_task(_ask(client, monitor, question)))
            await asyncio.sleep(1 / REQUESTS_A_SECOND)
        times = await asyncio.gather(*asked)
        ends.set()
        return list(times), sum(await asyncio.gather(*streams))


async def _ask(client: httpx.AsyncClient, monitor: str, question: str) -> float:
    began = time.perf_counter()
    answer = await client.get(f"{monitor}/api/rates?{question}")
    answer.raise_for_status()
    return time.perf_counter() - began


async def _read_stream(
    client: httpx.AsyncClient, monitor: str, number: int, ends: asyncio.Event
) -> int:
    # Each client has a question of its own: no two share their work.
    question = f"{QUESTIONS[number % 2]}&carrier=AT%26T&carrier=c{number}"
    events = 0
    async with client.stream("GET", f"{monitor}/api/stream?{question}") as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            events += line.startswith("data:")
            if ends.is_set():
                return events
    return events


def quantiles(times: Sequence[float]) -> str:
    """Write the median and the 99th of a hundred, milliseconds."""
    p50, p99 = np.quantile(times, [0.5, 0.99]) * 1000
    return f"p50 {p50:,.0f} ms, p99 {p99:,.0f} ms"


async def measure_latency(args: Any, servers: str, receiver: str, monitor: str) -> str:  # noqa: ANN401
    """Measure POST → API beside traffic at the rate."""
    traffic = Traffic(servers, args.rate)
    running = asyncio.create_task(traffic.run())
    await asyncio.sleep(5)
    times = await post_to_api(receiver, monitor, args.seconds)
    traffic.end()
    await running
    return quantiles(times)


async def measure_clients(
    args: Any,  # noqa: ANN401
    servers: str,
    monitor: str,
    watched: psutil.Process,
) -> list[tuple[str, str]]:
    """Measure the monitor with many clients."""
    traffic = Traffic(servers, EVENTS_A_SECOND)
    running = asyncio.create_task(traffic.run())
    await asyncio.sleep(2)
    before, began = watched.cpu_times(), time.monotonic()
    times, events = await clients(monitor, args.seconds)
    seconds, after = time.monotonic() - began, watched.cpu_times()
    traffic.end()
    await running
    used = after.user + after.system - before.user - before.system
    return [
        ("answers", f"{len(times)}, {quantiles(times)}"),
        ("events streamed", f"{events:,} to {STREAMS} clients in {seconds:.0f} s"),
        ("cores", f"{used / seconds:.2f}"),
        ("peak memory", f"{_peak_mib(watched.pid):.0f} MiB"),
    ]


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    kib = next(x.split()[1] for x in status.splitlines() if x.startswith("VmHWM"))
    return int(kib) / 1024


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    args = parser.parse_args()
    table = Table("what", "measured")
    with tempfile.TemporaryDirectory() as name:
        data_dir = Path(name) / "data"
        rows = fill_table(data_dir)
        table.add_row("increments in the table", f"{rows:,} in {HOURS * 60:,} files")
        with (
            embedded_kafka(Path(name) / "kafka") as servers,
            process("work", servers, data_dir),
            process("receive", servers, data_dir) as (_, receiver),
        ):
            starts = []
            for _ in range(3):
                began = time.monotonic()
                with process("monitor", servers, data_dir) as (watched, _):
                    starts.append(time.monotonic() - began)
            table.add_row("start until ready", f"{statistics.median(starts):.1f} s")
            with process("monitor", servers, data_dir) as (watched, monitor):
                for what, found in asyncio.run(
                    measure_clients(args, servers, monitor, watched)
                ):
                    table.add_row(what, found)
                said = asyncio.run(measure_latency(args, servers, receiver, monitor))
                table.add_row(f"POST → API at {args.rate:,} callbacks/s", said)
                table.add_row("peak memory then", f"{_peak_mib(watched.pid):.0f} MiB")
    Console().print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
