"""Write docs/sql.md from the headers in sql/, or check that it is current."""

import sys
from pathlib import Path

from streams.warehouse.queries import Query, of_kind
from tools.writing import write_or_check

PAGE = Path(__file__).parents[1] / "docs" / "sql.md"

HEAD = """\
# SQL

Every query is one file of [sql/](../sql), and begins with a header that says what it
answers, what a row is, what it counts, and what each column means. The header is read
by the program: it orders the views, is compared with the real columns by a test, its
`check:` lines are tested by `undelivered check`, and this page is made of it by `make
docs`.

## Asking

```console
$ undelivered reports
$ undelivered report failure_rates_by_country --since 7d
$ undelivered report failure_rates --by carrier,error_code --country GB
$ undelivered report failure_rates_by_error_code --since 2026-05-04T10:00+02:00 \\
    --until 2026-05-04T12:00+02:00 --window 5m --format csv
$ undelivered sql "select outcome, count(*) from messages group by all"
$ undelivered sql < question.sql
$ undelivered sql
$ undelivered check
```

* **Period.** `--since` is included, `--until` is not. Both are ISO 8601 of any
  precision (UTC when no zone is given), or how long ago: `30m`, `24h`, `7d`, `2w`.
  Without them a report is of the last 24 hours; `--since all` reads everything. The
  start is rounded down and the end up to the window, or to the minute without one.
  Windows start at midnight UTC, those of whole weeks on Mondays.
* **Filters.** `--country --application --carrier --sender --tag` keep what they name,
  and may be given several times; an empty text keeps what was not sent. They are bound
  as parameters, never written into a query. [reports.md](reports.md) shows each
  report's answer on the demo's traffic.
* **Rates** come with their 95 % Wilson interval. A rate of fewer than 20 finished
  messages says nothing: column `enough` is false, and tables say "too few to tell".
* **Formats.** `table` and `md` are for people: rates are percentages, control
  characters are shown as escapes. `csv`, `json` and, of `report`, `parquet` keep the
  numbers. In JSON integers
  and decimals are numbers with all their digits, NaN is null, binary is base64, times
  are ISO 8601 in UTC. In CSV null is an empty cell; text that a spreadsheet would run
  as a formula (beginning with `=`, `+`, `-`, `@`, a tab or a carriage return) gets an
  apostrophe in front, except telephone numbers such as `+14155550123`, which compute
  nothing.
* **One moment.** A command reads one snapshot of each table; workers may go on
  writing. In the prompt `.refresh` takes a new one.
* **Nothing can be changed.** `undelivered sql` opens the files of its snapshot and no
  others, and refuses COPY. A table made in it is gone when it ends.
* **Several statements** print the rows of the last one.
* **Exit codes**: 0 done, 1 `check` found something, 2 wrong usage or wrong SQL.

In Python, for example a notebook:

```python
from streams.warehouse import connect

connection = connect("data")
connection.sql("from messages where outcome = 'failed' limit 10")
```

The views read variables of the connection; a `cursor()` of it does not have them.

## The check

`undelivered check` recounts the events up to the position of table `window_counts`
and names each cell that differs, names callbacks that are archived twice or lie
beyond their position, records that have no row although their partition's position is
beyond them, files that are gone, and rows that break a `check:` line of a header. Such
a line says what holds for each row, or, with `altogether`, for all of them: that the
parts are the whole. Reports of counts are tested over everything, those that read
callbacks over their newest day. When
nothing is wrong it says how many events were compared. Each finding has the columns
`check`, `rule` and `found` (the row, as JSON). Minutes counted by other counting rules
are named on standard error and not compared.
"""

LAYERS = (
    ("Reports", "report", "What `undelivered report` prints."),
    ("Views", "view", "What `undelivered sql` and notebooks see."),
    ("Reference tables", "table", "Made of the CSV files in `sql/reference`."),
    ("Macros", "macros", "Functions for queries."),
    ("Checks", "check", "Each gives the rows that are wrong."),
    ("Notes of the check", "note", "Worth knowing, and no fault."),
    ("Commands", "command", "What other commands ask of the archive."),
)


def page() -> str:
    """Return the page: the head, then every query by kind and name."""
    return HEAD + "".join(
        f"\n## {title}\n\n{text}\n" + "".join(_query(query) for query in of_kind(kind))
        for title, kind, text in LAYERS
    )


def _query(query: Query) -> str:
    facts = [
        f"*{query.question}*",
        query.grain and f"Grain: {query.grain}.",
        query.counts and f"Counts {query.counts}.",
        query.depends and f"Reads {', '.join(query.depends)}.",
    ]
    parts = [f"### {query.name}", " ".join(fact for fact in facts if fact)]
    if query.columns:
        rows = [f"| {c.name} | {c.type} | {c.meaning} |" for c in query.columns]
        parts.append("\n".join(["| column | type | meaning |", "|---|---|---|", *rows]))
    if query.notes:
        parts.append(query.notes)
    if query.checks:
        parts.append("\n".join(f"* holds: `{check}`" for check in query.checks))
    return "\n" + "\n\n".join(parts) + "\n"


def main() -> int:
    """Write the page, or check it."""
    return write_or_check(PAGE, page())


if __name__ == "__main__":
    sys.exit(main())
