"""Exactly once as a model: anything may happen in any order, and nothing is wrong.

What may happen is in tests/protocol/machine.py, what has to hold in oracle.py.
`make fuzz` draws thousands of runs, and breaks each rule in turn.
"""

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from streams.core.positions import CountsAheadError, LogShorterError
from tests.protocol.machine import machine
from tests.protocol.mutants import MUTANTS
from tests.protocol.oracle import BrokenError
from tests.protocol.rules import Rules

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "exactly-once.md").read_text()
IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
# What a wrong rule may end in: wrong tables, or what no true rule ever meets.
BREAKAGE = (BrokenError, CountsAheadError, LogShorterError, ValueError)
# Broken within a few runs, so that they can be broken each time.
QUICK = (
    "commits without a check",
    "counts from P",
    "counts copies",
    "names positions without the log",
    "remembers nothing",
    "starts at the end",
)


def runs(count: int) -> settings:
    """Return settings for that many runs."""
    return settings(
        max_examples=count,
        stateful_step_count=50 if IS_LONG else 30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.hypothesis
def test_whatever_happens_each_record_is_archived_and_counted_once() -> None:
    """After each step a prefix, its counts exact; at rest everything.

    Workers crash, pause, resume, are overtaken by others and by a second group;
    answers of commits are lost; retention deletes; the topic is made again.
    """
    run_state_machine_as_test(
        machine(Rules()), settings=runs(5_000 if IS_LONG else 200)
    )


@pytest.mark.hypothesis
@pytest.mark.parametrize("name", MUTANTS if IS_LONG else QUICK)
def test_the_model_breaks_without_a_rule(name: str) -> None:
    """A rule that can be wrong and nobody notices is not tested, or not needed."""
    wrong = machine(MUTANTS[name])
    looking = settings(
        runs(20_000 if IS_LONG else 400),
        phases=[Phase.generate],
        database=None,
        derandomize=not IS_LONG,
    )

    with pytest.raises(BREAKAGE):
        run_state_machine_as_test(wrong, settings=looking)


# ----------------------------------------------------------------- docs/exactly-once.md


def test_every_test_that_the_page_names_is_there() -> None:
    """A rule is only as good as the test that fails without it."""
    named = re.findall(r"(tests/[a-z_/]+\.py)::(\w+)", PAGE)

    assert len(named) > 20
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text(), f"{path}::{name}"


def test_the_page_names_every_way_a_rule_is_broken() -> None:
    """And no other."""
    column = "".join(line.split("|")[3] for line in PAGE.splitlines() if "|" in line)

    assert set(re.findall(r"\*([^*]+)\*", column)) == set(MUTANTS)
