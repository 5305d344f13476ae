"""Write docs/reports.md: every report with its answer on the demo's traffic."""

import io
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import duckdb

from streams.warehouse import choice, period, relevant, reports, snapshot
from streams.warehouse.connection import connect_over
from streams.warehouse.output import Format
from streams.warehouse.page import Asked
from streams.warehouse.queries import Query, of_kind
from tools import demo_archive
from tools.writing import write_or_check

PAGE = Path(__file__).parents[1] / "docs" / "reports.md"
WIDTH, MOST = 120, 8

HEAD = """\
# Reports

Each report answers one question on one screen. What follows are their answers on a day
of the demo's traffic, in which one carrier of one country begins to refuse two hours
before the end: `make docs` plays it and writes this page. What each column is, and what
each report leaves out, is in [sql.md](sql.md#reports).

```console
$ undelivered reports
$ undelivered report what_changed --since 2h --against 24h
$ undelivered report failure_rates --by country,carrier --since 7d --country GB
$ undelivered report stop_sending --since 30d --format csv > stop.csv
```

* **Options.** `--since --until --window` choose the time; `--country --application
  --carrier --sender --tag` keep what they name, each may be given several times, and an
  empty text (`--carrier ''`) keeps what was not sent. A report that an option does not
  apply to refuses it. `--top N` shows so many rows, `--format` is `table`, `csv`,
  `json`, `md` or `parquet`.
* **Groups.** `failure_rates --by` takes any of country, carrier, application, channel,
  sender_type, sender, tag and error_code.
* **How fast.** Reports of rates read the counts, which are small, whatever the period.
  What needs senders, tags or messages reads the callbacks, and of these only files that
  can hold a row of the period: the transaction log has the least and the greatest time
  of each file. No lateness is assumed, so what came late or was imported is found.
  Reports by send time open the files of up to four days more, because a receipt may
  take 73 hours and its callback another 24.
* **Rates** come with their 95 % interval; fewer than 20 say "too few to tell". `bar`
  compares the rows, `trend` shows each row's own history. A narrow screen does without
  them, and cuts meanings short; `csv`, `json` and `parquet` leave nothing out.
* **Provisional** means that what has not been told yet will be added.
"""
# What a report is asked in the page, where its own defaults say little.
OPTIONS = {
    "what_changed": "--since 2h --against 24h",
    "failure_rates": "--by country,carrier",
    "error_code_rates": "--by carrier,error_code",
    "evidence": "--country GB --carrier EE --error-code 4770 --since 2h",
    "delivery_by_cohort": "--since 8h",
}


def page(data_dir: Path) -> str:
    """Return the page, made of the demo's archive; it is the same on any day."""
    taken = snapshot.take(data_dir)
    until = relevant.received_until(taken.callbacks)
    with connect_over(taken) as opened:
        return HEAD + "".join(_report(opened, q, until) for q in _in_order())


def _in_order() -> list[Query]:
    """Return the overview, then what changed, then the others by name."""
    first = ["overview", "what_changed"]
    return sorted(of_kind("report"), key=lambda q: (q.name not in first, q.name))


def _report(
    opened: duckdb.DuckDBPyConnection, query: Query, until: datetime | None
) -> str:
    options = OPTIONS.get(query.name, "")
    to = io.StringIO()
    asked = _asked(query, options, until)
    reports.answer(opened, asked, Format.TABLE, to)
    lines = [line.rstrip() for line in to.getvalue().splitlines()]
    answer = "\n".join(line for line in lines if line)
    command = f"$ undelivered report {query.name} {options}".rstrip()
    return (
        f"\n## {query.name}\n\n*{query.question}*\n\n```console\n{command}\n"
        f"{answer}\n```\n"
    )


def _asked(query: Query, options: str, until: datetime | None) -> Asked:
    """Read options as the command does, at the end of the traffic."""
    given = dict(zip(*[iter(options.split())] * 2, strict=True))
    since, by = given.pop("--since", None), given.pop("--by", None)
    against = given.pop("--against", None)
    filters = {
        option.removeprefix("--").replace("-", "_"): [_value(option, text)]
        for option, text in given.items()
    }
    time = period.of(since, None, None, demo_archive.UNTIL)
    chosen = choice.of(filters, by, against)
    return Asked(query, time, chosen, until, MOST, WIDTH)


def _value(option: str, text: str) -> object:
    return int(text) if option == "--error-code" else text


def main() -> int:
    """Write the page, or check it."""
    with tempfile.TemporaryDirectory() as folder:
        demo_archive.write(Path(folder))
        return write_or_check(PAGE, page(Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
