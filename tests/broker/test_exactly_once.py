"""Nothing lost, nothing twice: real processes, killed at any time, counted apart.

`make test` runs each load at a tenth; `make chaos` (UNDELIVERED_FULL_LOAD=1) in full.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb
import psutil
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from streams.stack import ports
from tests.broker import load
from tests.broker.conftest import (
    RunningStack,
    Start,
    crowding,
    embedded_kafka,
    run_command,
    wait_for,
)

pytestmark = [pytest.mark.broker, pytest.mark.timeout(900)]

FULL = os.environ.get("UNDELIVERED_FULL_LOAD") == "1"
EVENTS = 50_000 if FULL else 5_000
WORKER_KILLS = 5 if FULL else 2
COPIES = 0.05
SEED = int(os.environ.get("UNDELIVERED_SEED", "5"))


def query(data_dir: Path, sql: str) -> list[tuple[Any, ...]]:
    """Query the two tables by plain deltalake and DuckDB, without our code."""
    archive = data_dir / "archive"
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for name in ("callbacks", "window_counts"):
            files = DeltaTable(str(archive / name)).file_uris()
            if not files:  # nothing is committed to it yet
                continue
            connection.execute(
                f"create view {name} as select * from read_parquet({files}, "
                f"hive_partitioning = true)"
            )
        return connection.execute(sql).fetchall()


def archived(data_dir: Path) -> int:
    """Return how many rows table callbacks has; 0 while there is no table."""
    try:
        table = DeltaTable(str(data_dir / "archive" / "callbacks"))
    except Exception:  # noqa: BLE001 - it is not there yet
        return 0
    return int(sum(a["num_records"] for a in _actions(table)))


def _actions(table: DeltaTable) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.table(
        table.get_add_actions(flatten=True)
    ).to_pylist()
    return rows


def wait_until_archived(stack: RunningStack, servers: str) -> set[tuple[int, int, int]]:
    """Wait until every record of the topic is archived; return their positions."""
    positions = load.topic_positions(servers)
    wait_for(
        lambda: archived(stack.data_dir) >= len(positions),
        f"{len(positions)} rows archived:\n{stack.logs()}",
        60,
    )
    return positions


def assert_exact(
    data_dir: Path,
    sent: list[dict[str, Any]],
    positions: set[tuple[int, int, int]],
) -> None:
    """Compare both tables with what was sent and what the topic holds."""
    rows = query(
        data_dir, "select kafka_partition, kafka_offset, kafka_index from callbacks"
    )
    assert len(rows) == len(positions)
    assert set(rows) == positions

    events = {load.identity(callback) for callback in sent}
    names = "message_id, destination, event_type, channel, error_code"
    by_flag = query(data_dir, f"select {names} from callbacks where not is_copy")
    assert len(by_flag) == len(events)
    assert set(by_flag) == events
    assert set(query(data_dir, f"select distinct {names} from callbacks")) == events

    cells = query(
        data_dir,
        "select window_start, country, outcome, error_code, sum(events) "
        "from window_counts group by all",
    )
    assert Counter({cell[:4]: int(cell[4]) for cell in cells}) == load.expected_cells(
        sent
    )


def kill_worker(stack: RunningStack) -> None:
    """Kill the worker with -9 and wait until `up` has started another."""
    killed = stack.run_file.pids.worker
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: stack.run_file.pids.worker not in {killed, None}, "a new worker")


def kill_kafka(stack: RunningStack) -> None:
    """Kill Kafka with -9; `up` starts it again on the same port."""
    killed = stack.run_file.pids.kafka
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: stack.run_file.pids.kafka not in {killed, None}, "a new Kafka")


def stop_kafka(stack: RunningStack) -> None:
    """Stop Kafka for longer than an answer is waited for, then let it go on."""
    stopped = psutil.Process(stack.run_file.pids.kafka)
    stopped.suspend()
    time.sleep(6)  # the fault itself: the receiver gives up after 4.5 s
    stopped.resume()


def kill_everything(stack: RunningStack) -> None:
    """Kill `up`, Kafka, the receiver and the worker with -9, all at once."""
    doomed = [psutil.Process(stack.process.pid), *stack.processes()]
    for process in doomed:
        process.kill()
    psutil.wait_procs(doomed, timeout=10)
    stack.process.wait(10)


def free_port_options() -> list[str]:
    """Return options with ports that stay the same when a stack is started again."""
    receiver = ports.choose("receiver", 0)
    kafka = ports.choose("kafka", 0, taken={receiver})
    free = ("--worker-port=0", "--monitor-port=0")
    return [f"--receiver-port={receiver}", f"--kafka-port={kafka}", *free]


def parts(bodies: list[bytes], count: int) -> Iterator[list[bytes]]:
    """Cut the load into parts, one before each kill and one after the last."""
    size = -(-len(bodies) // count)
    for begin in range(0, len(bodies), size):
        yield bodies[begin : begin + size]


def test_faults_of_each_kind_under_load(start_stack: Start) -> None:
    """Worker, Kafka and the whole stack killed, Kafka stopped: both tables are exact.

    What was answered 200 is archived; what was not is posted again, as the provider
    does, and its copies are told apart.
    """
    draw = random.Random(SEED)  # noqa: S311
    sent = load.callbacks(EVENTS, seed=1)
    bodies = load.with_copies(sent, COPIES, seed=2)
    options = free_port_options()
    environment = {
        "UNDELIVERED_FLUSH_SECONDS": "0.5",
        "UNDELIVERED_COUNTS_SECONDS": "1",
    }
    stack = start_stack(*options, **environment)
    url = f"http://127.0.0.1:{stack.run_file.ports.receiver}/callbacks"

    kills = [*[kill_worker] * WORKER_KILLS, kill_kafka, stop_kafka]
    kills.insert(WORKER_KILLS // 2, kill_everything)
    for part, kill in zip(parts(bodies, len(kills) + 1), [*kills, None], strict=True):
        posting = Thread(target=load.post, args=(url, part))
        posting.start()
        if kill is not None:
            time.sleep(draw.uniform(0, 1.5))  # the fault may come at any moment
            kill(stack)
        if kill is kill_everything:
            stack = start_stack(*options, **environment)
        posting.join()

    positions = wait_until_archived(stack, stack.run_file.bootstrap_servers)
    assert len(positions) >= len(bodies)
    assert stack.end() == 0
    assert_exact(stack.data_dir, sent, positions)
    checked = run_command("check", "--data-dir", str(stack.data_dir))
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout


def test_a_load_without_faults_is_exact_and_seen_within_ten_seconds(
    start_stack: Start,
) -> None:
    """Posted, it is in `undelivered sql` within ten seconds, copies told apart."""
    sent = load.callbacks(EVENTS, seed=3)
    bodies = load.with_copies(sent, COPIES, seed=4)
    stack = start_stack(*free_port_options())
    url = f"http://127.0.0.1:{stack.run_file.ports.receiver}/callbacks"

    assert load.post(url, bodies) == 0
    last = load.callbacks(1, seed=99)
    posted_at = time.monotonic()
    load.post(url, load.with_copies(last, 0, seed=0))
    wanted = last[0]["message"]["id"]
    wait_for(
        lambda: (
            wanted
            in run_command(
                "sql",
                f"select message_id from events where message_id = '{wanted}'",
                "--data-dir",
                str(stack.data_dir),
            ).stdout
        ),
        "the callback in `undelivered sql`",
    )
    assert time.monotonic() - posted_at < 10 * crowding()

    positions = wait_until_archived(stack, stack.run_file.bootstrap_servers)
    assert len(positions) == len(bodies) + 1
    assert stack.end() == 0
    assert_exact(stack.data_dir, sent + last, positions)


def test_sigterm_flushes_both_tables_within_ten_seconds(tmp_path: Path) -> None:
    """A worker that is told to end commits what it holds, counts included."""
    sent = load.callbacks(1_000, seed=7)
    data_dir = tmp_path / "archive-of-one"
    with embedded_kafka(tmp_path / "one") as servers:
        records = load.produce(servers, load.with_copies(sent, COPIES, seed=8))
        with worker(servers, data_dir) as (process, port):
            wait_for(lambda: load.taken_in(port) == records, "all records taken in")
            assert archived(data_dir) == 0
            process.send_signal(signal.SIGTERM)
            assert process.wait(10 * crowding()) == 0
        positions = load.topic_positions(servers)

    assert len(positions) == records
    assert_exact(data_dir, sent, positions)


def test_workers_share_partitions_and_take_over_from_a_killed_one(
    tmp_path: Path,
) -> None:
    """A second worker joins, the first is killed with -9: still exact."""
    sent = load.callbacks(EVENTS // 5, seed=9)
    first, second, third = parts(load.with_copies(sent, COPIES, seed=10), 3)
    data_dir = tmp_path / "shared"
    with embedded_kafka(tmp_path / "group") as servers:
        load.produce(servers, first)
        with worker(servers, data_dir, flush_seconds=0.5) as (killed, _):
            wait_for(lambda: archived(data_dir) >= len(first), "the first part")
            with worker(servers, data_dir, flush_seconds=0.5) as (survivor, port):
                wait_for(lambda: load.taken_in(port) > 0, "partitions of its own")
                load.produce(servers, second)
                killed.kill()
                load.produce(servers, third)
                expected = len(first) + len(second) + len(third)
                wait_for(lambda: archived(data_dir) >= expected, "takeover", 60)
                survivor.send_signal(signal.SIGTERM)
                assert survivor.wait(10) == 0
        positions = load.topic_positions(servers)

    assert_exact(data_dir, sent, positions)


@contextmanager
def worker(
    servers: str, data_dir: Path, flush_seconds: float = 600
) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Run one worker, which by default never commits by itself; process and port."""
    port = ports.choose("worker", 0)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "streams.cli", "work"),
            f"--bootstrap-servers={servers}",
            f"--data-dir={data_dir}",
            f"--worker-port={port}",
        ],
        env={
            **os.environ,
            "UNDELIVERED_FLUSH_SECONDS": str(flush_seconds),
            "UNDELIVERED_COUNTS_SECONDS": str(flush_seconds * 2),
        },
    )
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()
