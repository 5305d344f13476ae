"""Upkeep that is killed at any of its steps leaves the tables exact."""

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.upkeep.test_maintain import rows, run, wrong
from tests.upkeep.writing import Writer, cells

# Kills the process when it comes to a step: before it, or after it.
PROGRAM = """
import importlib, os, signal, sys
from datetime import timedelta
from pathlib import Path
from tests.upkeep.test_maintain import run

place, when, folder = sys.argv[1:]
module, _, name = place.rpartition(":")
owner = importlib.import_module(module)
*path, last = name.split(".")
for part in path:
    owner = getattr(owner, part)
step = getattr(owner, last)

def killed(*arguments, **options):
    if when == "after":
        step(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, last, killed)
run(Path(folder), grace=timedelta(0), keep=timedelta(days=2))
"""
FEW_STEPS = [
    ("streams.archive.upkeep:Upkeep._commit", "before"),
    ("streams.archive.upkeep:Upkeep.drop", "after"),
]
ALL_STEPS = [
    *FEW_STEPS,
    ("streams.archive.staging:write_deltalake", "after"),
    ("streams.archive.staging:_move", "after"),
    ("streams.archive.upkeep:Upkeep._commit", "after"),
    ("streams.archive.upkeep:Upkeep.remove_old_files", "after"),
    ("deltalake:DeltaTable.create_checkpoint", "after"),
    ("deltalake:DeltaTable.cleanup_metadata", "after"),
]
FULL = os.environ.get("UNDELIVERED_FULL_LOAD") == "1"


@pytest.mark.parametrize(("place", "when"), ALL_STEPS if FULL else FEW_STEPS)
def test_killed_upkeep_leaves_the_tables_exact(
    tmp_path: Path, place: str, when: str
) -> None:
    """Each row and count is there once; the next run does the rest."""
    writer = Writer(tmp_path)
    for day in (20, 21, 23):
        writer.day(date(2026, 11, day), commits=1, flushes=2)
    counts, before = cells(tmp_path), rows(tmp_path)
    kept = [row for row in before if str(row["received_date"]) >= "2026-11-22"]
    words = [sys.executable, "-c", PROGRAM, place, when, str(tmp_path)]

    killed = subprocess.run(words, capture_output=True, text=True, check=False)

    assert killed.returncode == -9, killed.stderr
    assert cells(tmp_path) == counts
    assert rows(tmp_path) in (before, kept)
    assert run(tmp_path, keep=timedelta(days=2)).differences == []
    assert (rows(tmp_path), cells(tmp_path)) == (kept, counts)
    assert wrong(tmp_path) == set()
