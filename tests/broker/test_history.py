"""History by `import` and live traffic over HTTP at once, with faults: still exact.

`make test` runs the load at a tenth; `make chaos` (UNDELIVERED_FULL_LOAD=1) in full.
"""

import os
import random
import time
from pathlib import Path
from threading import Thread

import pytest

from tests.broker import load
from tests.broker.conftest import RunningStack, Start, run_command
from tests.broker.test_exactly_once import (
    COPIES,
    SEED,
    assert_exact,
    free_port_options,
    kill_everything,
    kill_worker,
    wait_until_archived,
)

pytestmark = [pytest.mark.broker, pytest.mark.timeout(1_800)]

FULL = os.environ.get("UNDELIVERED_FULL_LOAD") == "1"
EVENTS = 300_000 if FULL else 30_000
WORKER_KILLS = 10 if FULL else 1
MOST_RUNS = 10


def import_until_done(stack: RunningStack, path: Path) -> None:
    """Import a file; when a fault ends the import, run it again, as one is told to."""
    for _ in range(MOST_RUNS):
        done = run_command(
            "import", str(path), f"--data-dir={stack.data_dir}", seconds=600
        )
        if done.returncode == 0:
            return
        assert "Traceback" not in done.stderr
        time.sleep(1)  # the stack is being started again
    pytest.fail(f"{MOST_RUNS} runs did not do it: {done.stderr}\n{stack.logs()}")


def test_import_and_http_together_under_kills(
    start_stack: Start, tmp_path: Path
) -> None:
    """Half of the load as a file, half posted, workers and the whole stack killed."""
    draw = random.Random(SEED)  # noqa: S311
    sent = load.callbacks(EVENTS, seed=21)
    bodies = load.with_copies(sent, COPIES, seed=22)
    half = len(bodies) // 2
    history = tmp_path / "history.ndjson"
    history.write_bytes(b"\n".join(bodies[:half]))
    options = free_port_options()
    stack = start_stack(*options)
    url = f"http://127.0.0.1:{stack.run_file.ports.receiver}/callbacks"

    posting = Thread(target=load.post, args=(url, bodies[half:]))
    importing = Thread(target=import_until_done, args=(stack, history))
    posting.start()
    importing.start()
    for number in range(WORKER_KILLS):
        time.sleep(draw.uniform(1, 4))  # the kill may come at any moment
        kill_worker(stack)
        if number == WORKER_KILLS // 2:
            kill_everything(stack)
            stack = start_stack(*options)
    posting.join()
    importing.join()
    import_until_done(stack, history)

    positions = wait_until_archived(stack, stack.run_file.bootstrap_servers)
    assert stack.end() == 0
    assert_exact(stack.data_dir, sent, positions)
    checked = run_command("check", f"--data-dir={stack.data_dir}", seconds=300)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
