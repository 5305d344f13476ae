"""The program of docs/agents.md: an agent of one's own, beside the worker's."""

import ast
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from streams.stack import ports
from tests.broker import load
from tests.broker.conftest import embedded_kafka, wait_for
from tests.broker.test_exactly_once import archived

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

PAGE = Path(__file__).parents[2] / "docs" / "agents.md"
EVENTS = 500


def example() -> str:
    """Return the program as the page prints it."""
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    return found.group(1)


def test_the_documented_agent_sees_every_callback(tmp_path: Path) -> None:
    """It counts all of them, and all of them are archived as ever."""
    program, output = tmp_path / "my_worker.py", tmp_path / "said"
    program.write_text(example())
    data_dir = tmp_path / "data"
    sent = load.callbacks(EVENTS, seed=31)
    expected = Counter(callback.get("errorCode") for callback in sent)
    with embedded_kafka(tmp_path / "kafka") as servers, output.open("wb") as said:
        load.produce(servers, load.with_copies(sent, 0, seed=32))
        process = subprocess.Popen(
            [
                *(sys.executable, str(program), "work"),
                f"--bootstrap-servers={servers}",
                f"--data-dir={data_dir}",
                f"--worker-port={ports.choose('worker', 0)}",
            ],
            stdout=said,
        )
        try:
            wait_for(lambda: last_count(output) == expected, "all counted", 120)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()

    assert archived(data_dir) == EVENTS


def last_count(output: Path) -> Counter[int | None] | None:
    """Return what the agent has said last."""
    lines = [line for line in output.read_text().splitlines() if line.startswith("{")]
    return Counter(ast.literal_eval(lines[-1])) if lines else None
