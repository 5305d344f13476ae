"""What was measured, as a table on the terminal, as Markdown and as JSON."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.drain import Drain
from benchmarks.peers.ways import BARE_LOOP, WORKER

_HEADS = (
    *("a record", "system", "callbacks/s", "per CPU-second", "with start-up"),
    *("worker ÷ it", "it ÷ bare loop", "peak MiB", "bytes each", "guarantee; keeps"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One system at one kind of record.

    Attributes:
        per_record: Callbacks a record.
        name: The system.
        guarantee: What it promises.
        drain: What it took; None when it did not take part.
        problem: Why it did not, in one sentence.
    """

    per_record: int
    name: str
    guarantee: str
    drain: Drain | None = None
    problem: str = ""

    def rate(self) -> float | None:
        """Return callbacks per CPU-second; None when it did not take part."""
        return self.drain.callbacks / self.drain.cpu_seconds if self.drain else None


def _ratio(upper: float | None, lower: float | None) -> str:
    return f"{upper / lower:.2f}" if upper and lower else ""


def _cells(one: Measured, rates: dict[str, float | None]) -> list[str]:
    first = [str(one.per_record), one.name]
    run, rate = one.drain, one.rate()
    if run is None:
        return [*first, "", "", "", "", "", "", "", one.problem]
    whole = run.cpu_seconds + run.start_cpu_seconds
    return [
        *first,
        f"{run.callbacks / run.seconds:,.0f}",
        f"{rate:,.0f}",
        f"{run.callbacks / whole:,.0f}",
        _ratio(rates.get(WORKER), rate),
        _ratio(rate, rates.get(BARE_LOOP)),
        f"{run.peak_mib:,.0f}",
        f"{run.bytes_each:.1f}" if run.bytes_each else "",
        one.guarantee,
    ]


def rows(results: Sequence[Measured]) -> list[list[str]]:
    """Return the table's cells, a list a row; rates are compared within a kind."""
    rates: dict[int, dict[str, float | None]] = {}
    for one in results:
        rates.setdefault(one.per_record, {})[one.name] = one.rate()
    return [_cells(one, rates[one.per_record]) for one in results]


def terminal(results: Sequence[Measured]) -> Table:
    """Return the table for a terminal."""
    table = Table()
    for number, head in enumerate(_HEADS):
        table.add_column(head, justify="right" if 1 < number < 9 else "left")
    for row in rows(results):
        table.add_row(*row)
    return table


def markdown(results: Sequence[Measured]) -> str:
    """Return the table as Markdown."""
    lines = [_HEADS, ["---"] * len(_HEADS), *rows(results)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def as_json(results: Sequence[Measured], **conditions: object) -> str:
    """Return everything that was measured, unrounded, and where."""
    found = [dataclasses.asdict(one) for one in results]
    return json.dumps({**conditions, "results": found}, indent=2) + "\n"
