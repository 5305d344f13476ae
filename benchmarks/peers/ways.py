"""The systems that drain the topic, and what each of them guarantees."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.drain import Drain, drain
from benchmarks.peers import cells, environments, java_programs
from benchmarks.worker import drain_by_worker
from streams import topics

ROOT = Path(__file__).parents[2]
# At some 6,000 a second more of them take too long.
_MOST_FOR_FAUST = 50_000


@dataclass(frozen=True, slots=True)
class Topic:
    """The topic to drain.

    Attributes:
        servers: Kafka's address.
        callbacks: How many there are.
        records: How many records hold them.
        cells: What counting them has to give.
    """

    servers: str
    callbacks: int
    records: int
    cells: cells.Cells


Run = Callable[[Topic, Path], Drain]


@dataclass(frozen=True, slots=True)
class Way:
    """One system.

    Attributes:
        name: As the table names it.
        guarantee: What it promises, in a phrase.
        prepare: Fetches and compiles what it needs; gets the cache and a folder for
            classes. What it returns drains a topic, with a folder to write into, and
            raises DrainError or WrongCountsError.
    """

    name: str
    guarantee: str
    prepare: Callable[[Path, Path], Run]


def _by_program(
    command: Sequence[str | Path],
    arguments: Sequence[str],
    topic: Topic,
    folder: Path,
    most: int | None = None,
) -> Drain:
    """Run a program; with ``most`` it gets a part, and is held to its number alone."""
    wanted = min(topic.callbacks, most or topic.callbacks)
    counts = folder / "cells.tsv"
    given = [topic.servers, str(wanted), counts, topics.CALLBACKS, *arguments]
    run = drain([*command, *given], wanted, {**os.environ, "PYTHONPATH": str(ROOT)})
    found = cells.read(counts)
    if found.total() < wanted or most is None:
        cells.compare(found, topic.cells)
    kept = folder / "kept.tsv"
    if not kept.is_file():
        return run
    rows, size = map(int, kept.read_text(encoding="utf-8").split())
    if rows != topic.callbacks:
        raise cells.WrongCountsError(f"kept {rows:,} of {topic.callbacks:,} callbacks")
    return replace(run, bytes_each=size / rows)


def _module(name: str, most: int | None = None) -> Callable[[Path, Path], Run]:
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    return lambda _cache, _classes: partial(_by_program, command, (), most=most)


def _elsewhere(
    environment: str, name: str, *arguments: str
) -> Callable[[Path, Path], Run]:
    """Take a module that runs in an environment of its own."""

    def prepare(cache: Path, _classes: Path) -> Run:
        python = environments.python_of(environment, cache)
        command = [python, "-m", f"benchmarks.peers.{name}"]
        return partial(_by_program, command, arguments)

    return prepare


def _java(program: java_programs.JavaProgram) -> Callable[[Path, Path], Run]:
    def prepare(cache: Path, classes: Path) -> Run:
        command = java_programs.command_of(program, cache, classes)
        return partial(_by_program, command, ())

    return prepare


def _by_worker(topic: Topic, folder: Path) -> Drain:
    run = drain_by_worker(topic.servers, folder, topic.callbacks, topic.records)
    cells.compare_tables(folder / "data" / "archive", topic.cells)
    return run


BARE_LOOP = "bare aiokafka loop"
WORKER = "worker"
WAYS = (
    Way(BARE_LOOP, "none; counts", _module("bare_loop")),
    Way(
        "bare confluent-kafka loop",
        "none; counts",
        _elsewhere("confluent", "confluent_loop"),
    ),
    Way(
        "idiomatic Faust",
        "at least once; counts",
        _module("idiomatic_faust", _MOST_FOR_FAUST),
    ),
    Way(
        "Kafka Streams, DSL",
        "at least once; counts",
        _java(java_programs.STREAMS),
    ),
    Way(
        "Flink SQL, TUMBLE",
        "exactly once in its checkpoints; counts",
        _java(java_programs.FLINK),
    ),
    Way(
        "ClickHouse, its Kafka engine",
        "at least once, silently drops what it cannot read; rows, counts",
        _elsewhere("clickhouse-engine", "clickhouse_engine"),
    ),
    Way(
        "ClickHouse by hand, strict",
        "at least once, stops at what it cannot read; rows, counts",
        _elsewhere("clickhouse", "clickhouse_by_hand", "strict"),
    ),
    Way(
        "ClickHouse by hand, lax",
        "at least once, silently drops what it cannot read; rows, counts",
        _elsewhere("clickhouse", "clickhouse_by_hand", "lax"),
    ),
    Way(
        WORKER,
        "exactly once, copies removed, keeps what it cannot read; rows, counts",
        lambda _cache, _classes: _by_worker,
    ),
)
