"""The monitor as a process: exact whatever dies, true about how far it is.

`make test` runs the load at a tenth; `make chaos` (UNDELIVERED_FULL_LOAD=1) in full.
"""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from streams.stack import ports
from tests.broker import load
from tests.broker.conftest import PROGRAM, embedded_kafka, run_command, wait_for
from tests.broker.second_reader import SecondReader, by
from tests.broker.test_exactly_once import archived, worker

pytestmark = [pytest.mark.broker, pytest.mark.timeout(1_200)]

FULL = os.environ.get("UNDELIVERED_FULL_LOAD") == "1"
EVENTS = 300_000 if FULL else 30_000
COPIES, LATE = 0.05, 0.1
LATEST = timedelta(days=3)
WORKER_KILLS, MONITOR_KILLS = (3, 2) if FULL else (1, 1)
CARRIERS = ("AT&T", "Verizon", '"}<script>', "")
BY = ("window_start", "country", "carrier", "outcome", "error_code")
FLUSH_SECONDS = 1.0

Cells = Counter[tuple[Any, ...]]
Process = subprocess.Popen[bytes]


def callbacks(count: int, seed: int) -> list[dict[str, Any]]:
    """Return callbacks of some carriers; one in ten is late by up to three days."""
    draw = random.Random(seed)  # noqa: S311 - a load, no secret
    sent = load.callbacks(count, seed)
    for callback in sent:
        callback["carrierName"] = draw.choice(CARRIERS)
        if draw.random() < LATE:
            late = draw.uniform(60, LATEST.total_seconds())
            at = datetime.fromisoformat(callback["time"]) - timedelta(seconds=late)
            callback["time"] = at.isoformat()
    return sent


def counted(sent: list[dict[str, Any]]) -> Cells:
    """Count by minute, country, carrier, outcome and code, apart from the project."""
    found: Cells = Counter()
    for callback in sent:
        ((minute, country, outcome, code),) = load.expected_cells([callback])
        found[minute, country, callback["carrierName"], outcome, code] += 1
    return found


@contextmanager
def monitor(servers: str, data_dir: Path, port: int) -> Iterator[Process]:
    """Run a monitor; it is killed at the end."""
    process = subprocess.Popen(
        [
            *(*PROGRAM, "monitor", f"--bootstrap-servers={servers}"),
            f"--data-dir={data_dir}",
            f"--monitor-port={port}",
        ]
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Api:
    """A client of a monitor's API."""

    def __init__(self, port: int) -> None:
        """Talk to a port of this machine."""
        self._address = f"http://127.0.0.1:{port}"

    def get(self, path: str, **params: Any) -> Any:  # noqa: ANN401 - JSON
        """Return an answer; None while the monitor is not there or not ready."""
        try:
            url = f"{self._address}{path}?{urlencode(params)}"
            with urlopen(url, timeout=60) as answer:  # noqa: S310 - our own address
                return json.loads(answer.read())
        except HTTPError as error:
            if error.code != 503:
                raise
            return None
        except OSError:
            return None

    def is_ready(self) -> bool:
        """Tell whether /readyz says so."""
        return self.get("/readyz") is not None

    def as_of(self) -> float:
        """Return the answers' as_of, seconds since 1970; 0 while there is none."""
        answer = self.get("/api/rates") or {"as_of": None}
        told = answer["as_of"]
        return 0.0 if told is None else datetime.fromisoformat(told).timestamp()

    def events(self) -> int:
        """Return how many events there are in all."""
        answer = self.get("/api/rates", since="4d", by="outcome") or {"rows": []}
        return sum(row["events"] for row in answer["rows"])

    def cells(self) -> Cells:
        """Return every cell, asked for by six hours at a time."""
        found: Cells = Counter()
        end = datetime.now(UTC) + timedelta(minutes=10)
        for part in range(16):
            until = end - part * timedelta(hours=6)
            answer = self.get(
                "/api/rates",
                since=(until - timedelta(hours=6)).isoformat(timespec="minutes"),
                until=until.isoformat(timespec="minutes"),
                window="1m",
                by=",".join(BY[1:]),
            )
            for row in answer["rows"]:
                cell = tuple(row[name] for name in BY[1:])
                # Rounded outwards, two parts share the minute between them.
                found[datetime.fromisoformat(row["window_start"]), *cell] = row[
                    "events"
                ]
        return found


def test_every_way_to_the_numbers_agrees_after_faults_of_each_kind(
    tmp_path: Path,
) -> None:
    """The API, a second reader, the report and an independent count: the same.

    By minute, country, carrier and code; meanwhile workers and the monitor are killed
    with -9, and a worker joins and leaves.
    """
    sent = callbacks(EVENTS, seed=31)
    bodies = load.with_copies(sent, COPIES, seed=32)
    data_dir = tmp_path / "data"
    with embedded_kafka(tmp_path / "kafka") as servers, ExitStack() as running:
        load.produce(servers, bodies[:1])
        stage = Stage(servers, data_dir, running)
        faults = [
            *[stage.kill_worker] * WORKER_KILLS,
            *[stage.kill_monitor] * MONITOR_KILLS,
            stage.rebalance,
        ]
        random.Random(33).shuffle(faults)  # noqa: S311
        size = -(-len(bodies[1:]) // len(faults))
        for place, fault in enumerate(faults):
            begin = 1 + place * size
            load.produce(servers, bodies[begin : begin + size])
            fault()
        acknowledged = time.time()
        wait_for(lambda: stage.api.as_of() > acknowledged, "as_of goes on", 180)

        truth = counted(sent)
        assert stage.api.cells() == truth
        stage.end_workers()
        reader = SecondReader(servers, data_dir)
        reader.read()
        assert by(reader.totals() or Counter(), *BY) == truth
        reader.close()
        assert stage.api.cells() == truth
        assert_report_agrees(data_dir, truth)


def assert_report_agrees(data_dir: Path, truth: Cells) -> None:
    """Compare the report by minute, country and code with the count."""
    expected: Cells = Counter()
    for (minute, country, _, outcome, code), events in truth.items():
        if outcome in {"failed", "unknown"}:
            expected[minute, country, code] += events
    shown = run_command(
        *("report", "failure_rates_by_country_and_error_code", "--since", "5d"),
        *("--window", "1m", "--format", "json", "--data-dir", str(data_dir)),
    )
    assert shown.returncode == 0, shown.stderr
    found: Cells = Counter()
    for row in json.loads(shown.stdout):
        minute = datetime.fromisoformat(row["window_start"])
        found[minute, row["country"], row["error_code"]] = row["events"]
    assert found == expected


class Stage:
    """Two workers and a monitor that faults happen to."""

    def __init__(self, servers: str, data_dir: Path, running: ExitStack) -> None:
        """Start them."""
        self._servers = servers
        self._data_dir = data_dir
        self._running = running
        self._port = ports.choose("monitor", 0)
        self.api = Api(self._port)
        self._workers = [self._worker(), self._worker()]
        self._monitor = running.enter_context(monitor(servers, data_dir, self._port))
        wait_for(self.api.is_ready, "a monitor that is ready", 120)

    def _worker(self) -> Process:
        process, port = self._running.enter_context(
            worker(self._servers, self._data_dir, FLUSH_SECONDS)
        )
        wait_for(lambda: load.taken_in(port) >= 0, "a worker", 120)
        return process

    def kill_worker(self) -> None:
        """Kill the oldest worker with -9 and start another."""
        killed = self._workers.pop(0)
        killed.kill()
        killed.wait()
        self._workers.append(self._worker())

    def kill_monitor(self) -> None:
        """Kill the monitor with -9 and start another on its port."""
        self._monitor.kill()
        self._monitor.wait()
        self._monitor = self._running.enter_context(
            monitor(self._servers, self._data_dir, self._port)
        )
        wait_for(self.api.is_ready, "a monitor that is ready again", 120)

    def rebalance(self) -> None:
        """Let a third worker join, and leave."""
        third = self._worker()
        third.send_signal(signal.SIGTERM)
        assert third.wait(60) == 0

    def end_workers(self) -> None:
        """Let the workers commit what they hold, and end."""
        for process in self._workers:
            process.send_signal(signal.SIGTERM)
        for process in self._workers:
            assert process.wait(60) == 0


def test_what_the_monitor_says_while_workers_die_and_it_restarts(
    tmp_path: Path,
) -> None:
    """as_of goes on while all is well, and stands still without a worker.

    A monitor that was killed says the same numbers and times as the one before it.
    """
    data_dir, port = tmp_path / "data", ports.choose("monitor", 0)
    api = Api(port)
    with embedded_kafka(tmp_path / "kafka") as servers:
        load.produce(servers, load.with_copies(callbacks(300, 41), COPIES, seed=42))
        with ExitStack() as running:
            first = running.enter_context(monitor(servers, data_dir, port))
            # No worker has made the data folder yet.
            wait_for((data_dir / "faust").is_dir, "the monitor has begun")
            process, _ = running.enter_context(worker(servers, data_dir))
            wait_for(lambda: api.events() == 300, "the first callbacks", 120)
            seen = api.as_of()
            wait_for(lambda: api.as_of() > seen + 1, "an as_of that goes on", 60)
            load.produce(servers, load.with_copies(callbacks(50, 43), 0, seed=44))
            wait_for(lambda: api.events() == 350, "more callbacks", 60)
            process.kill()
            process.wait()
            problem = wait_for(lambda: silence(api), "words on the silence", 60)
            stands, cells = api.as_of(), api.cells()
            assert sum(cells.values()) == 350
            first.kill()
            first.wait()
        assert archived(data_dir) == 0  # everything was published, nothing committed
        with monitor(servers, data_dir, port) as again:
            wait_for(api.is_ready, "the monitor again", 120)
            assert (api.as_of(), api.cells()) == (stands, cells)
            again_said = wait_for(lambda: silence(api), "words on the silence", 60)
            assert again_said == problem
            with worker(servers, data_dir):
                wait_for(lambda: api.as_of() > stands, "an as_of that goes on", 120)
                assert api.cells() == cells
                wait_for(lambda: problems(api) is None, "no problem any more", 60)
            again.send_signal(signal.SIGTERM)
            assert again.wait(30) == 0


def problems(api: Api) -> str | None:
    """Return what the API says is wrong; None while nothing is."""
    answer = api.get("/api/rates") or {"problems": []}
    return " ".join(answer["problems"]) or None


def silence(api: Api) -> str | None:
    """Return the sentence on the silence of all partitions, once it is said."""
    said = problems(api) or ""
    begins = "Nobody has written about partitions 0-7 since 20"
    return said if said.startswith(begins) else None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--bootstrap-servers=127.0.0.1:1"], "No Kafka answers at 127.0.0.1:1"),
        (["--monitor-port=99999"], "monitor_port"),
    ],
)
def test_a_monitor_that_cannot_start_says_why(
    tmp_path: Path, given: list[str], says: str
) -> None:
    """One sentence, exit code 2."""
    ended = run_command("monitor", f"--data-dir={tmp_path}", *given)

    assert ended.returncode == 2
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr
