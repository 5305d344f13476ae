"""Ask an archive of 100 million callbacks, beside plain DuckDB over one Parquet file.

    python -m benchmarks.warehouse [--rows 100000000] [--days 100] [--data-dir FOLDER]

The archive and the sorted file of the same rows are made first, and kept: a run that
was interrupted goes on where it was. Each question is asked in a process of its own;
its time begins when everything is imported and nothing is opened.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks import history
from streams.warehouse import choice, connection, page, period, reports, snapshot
from streams.warehouse.output import Format

_SORTED = "sorted.parquet"
_MESSAGES = """
select outcome, count(*) as messages, avg(seconds_to_final) as seconds
from messages_between($since, $until, null, null, null, null, null)
group by outcome order by outcome
"""
# What a person would write who has nothing but the file.
_FILE = """
create view finished as
select *, event_type = 'message-failed' and error_code not in (9902, 902) as is_failed
from read_parquet(getvariable('file'))
where not is_copy and event_type in ('message-delivered', 'message-failed')
"""
_PLAIN = {
    "overview": """
        select is_failed, error_code = 9902 as is_unknown, count(*)
        from finished where event_time >= $since and event_time < $until group by all
    """,
    "failure_rates_by_country_and_error_code": """
        select destination_country, error_code, count(*) as events,
        sum(count(*)) over (partition by destination_country) as finished
        from finished where event_time >= $since and event_time < $until
        group by destination_country, error_code
    """,
    "what_changed": """
        select destination_country, carrier_name, error_code,
        event_time < $since::timestamptz + ($until - $since) / 2 as is_before,
        count(*) as events, count(*) filter (where is_failed) as failed
        from finished where event_time >= $since and event_time < $until group by all
    """,
    "failure_rates_by_tag": """
        select tag, count(*) as events, count(*) filter (where is_failed) as failed
        from finished where event_time >= $since and event_time < $until group by all
    """,
    "messages": """
        select outcome, count(*) from (
            select message_id, destination, min(case
                when event_type = 'message-delivered' then 1
                when is_failed then 2 else 3 end) as outcome
            from finished
            where message_time >= $since and message_time < $until group by all
        ) group by all
    """,
}


class Question(NamedTuple):
    """What is asked, in which way, of how many days at the end; None is all."""

    way: str
    name: str
    days: int | None

    @property
    def time(self) -> str:
        """Return the period in words."""
        return "everything" if self.days is None else f"{self.days} day"


class Cost(NamedTuple):
    """What a question cost.

    Attributes:
        open_seconds: Wall time until the views are there.
        seconds: Wall time of the answer.
        cpu_seconds: CPU time of the answer, of all threads.
        peak_mib: Largest resident memory of the process, MiB.
        rows: Rows of the answer.
    """

    open_seconds: float
    seconds: float
    cpu_seconds: float
    peak_mib: float
    rows: int


QUESTIONS = [
    Question(way, name, days)
    for name in _PLAIN
    for days in ((1,) if name == "messages" else (1, None))
    for way in ("undelivered", "plain DuckDB")
]


def ask(data: history.History, question: Question) -> Cost:
    """Ask once, in this process."""
    until = datetime.combine(history.date_of(data.days), datetime.min.time(), UTC)
    since = until - timedelta(days=question.days or data.days)
    asked = period.Period(since, until)
    if question.name == "what_changed":  # this half against the half before
        asked = period.Period(since + (until - since) / 2, until)
    begin = time.perf_counter()
    opened, run = _opened(data.data_dir, question, asked)
    ready, cpu = time.perf_counter(), time.process_time()
    rows = run()
    end, cpu = time.perf_counter(), time.process_time() - cpu
    opened.close()
    return Cost(ready - begin, end - ready, cpu, _peak_mib(), rows)


def _peak_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kib = next(x.split()[1] for x in status.splitlines() if x.startswith("VmHWM"))
    return int(kib) / 1024


def _opened(
    data_dir: Path, question: Question, asked: period.Period
) -> tuple[duckdb.DuckDBPyConnection, Callable[[], int]]:
    between = {"since": asked.since, "until": asked.until}
    if question.way != "undelivered":
        plain = duckdb.connect()
        plain.execute("set timezone = 'UTC'")
        plain.execute("set variable file = $file", {"file": str(data_dir / _SORTED)})
        plain.execute(_FILE)
        sql = _PLAIN[question.name]
        if question.name == "what_changed":  # of both halves
            between["since"] -= asked.until - asked.since
        return plain, lambda: len(plain.execute(sql, between).fetchall())
    taken = snapshot.take(data_dir)
    opened = connection.connect_over(taken)
    if question.name == "messages":
        report = reports.named("time_to_receipt")  # reads the same period of send times
        reports.narrow(opened, taken, report, asked)
        return opened, lambda: len(opened.execute(_MESSAGES, between).fetchall())
    report = reports.named(question.name)

    def run() -> int:
        reports.narrow(opened, taken, report, asked)
        reports.use_sums(
            opened, taken, page.Asked(report, asked, choice.NO_CHOICE), Format.TABLE
        )
        return sum(1 for _ in reports.run(opened, report, asked).values)

    return opened, run


def sort_into_one_file(data_dir: Path) -> None:
    """Write all rows of the archive into one Parquet file, sorted by event time."""
    target, unfinished = data_dir / _SORTED, data_dir / f"{_SORTED}.part"
    if target.exists():
        return
    unfinished.unlink(missing_ok=True)
    with connection.connect(data_dir) as opened:
        opened.execute("set preserve_insertion_order = false")
        opened.execute(
            f"copy (from stored_callbacks order by event_time) to '{unfinished}' "
            f"(format parquet, compression zstd)"
        )
    unfinished.rename(target)


def _cost(arguments: argparse.Namespace, question: Question) -> Cost:
    """Ask in fresh processes; return the fastest of them, with the highest peak."""
    costs = []
    for _ in range(arguments.runs):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.warehouse", "--ask"),
                json.dumps(question),
                f"--rows={arguments.rows}",
                f"--days={arguments.days}",
                f"--data-dir={arguments.data_dir}",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        costs.append(Cost(*json.loads(done.stdout.splitlines()[-1])))
    best = min(costs, key=lambda cost: cost.open_seconds + cost.seconds)
    return best._replace(peak_mib=max(cost.peak_mib for cost in costs))


def main() -> None:
    """Make the archive, then print one line a question."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--data-dir", type=Path, default=Path("build/warehouse"))
    parser.add_argument("--runs", type=int, default=3, help="Of each, the best counts.")
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    data = history.History(arguments.data_dir, arguments.rows, arguments.days)
    if arguments.ask:
        with redirect_stdout(sys.stderr):
            cost = ask(data, Question(*json.loads(arguments.ask)))
        print(json.dumps(cost))
        return
    console = Console(width=120)
    history.require_room(data)
    with console.status("Making the archive …") as status:
        for rows in history.fill(data):
            status.update(f"Making the archive: {rows:,} of {data.rows:,} callbacks")
        for dates in history.settle(data):
            status.update(f"Settling the counts: {dates} of {data.days} dates")
        status.update("Sorting everything into one Parquet file …")
        sort_into_one_file(data.data_dir)
    taken = snapshot.take(data.data_dir)
    console.print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for each in taken.tables:
        sizes = [Path(file).stat().st_size for file in each.files()]
        console.print(f"{each.name}: {len(sizes)} files, {sum(sizes) / 1e9:.2f} GB")
    names = ("question", "of", "way", "open s", "answer s", "CPU s", "peak MiB", "rows")
    table = Table(*names)
    for question in QUESTIONS:
        cost = _cost(arguments, question)
        table.add_row(
            question.name,
            question.time,
            question.way,
            f"{cost.open_seconds:.2f}",
            f"{cost.seconds:.2f}",
            f"{cost.cpu_seconds:.2f}",
            f"{cost.peak_mib:,.0f}",
            f"{cost.rows:,}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
