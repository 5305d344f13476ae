"""Write docs/reports.md: every report with its answer on the demo's traffic."""

import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
* **Messages sent.** `reconciliation` and `messages_without_any_event` need a
  [log of what was sent](sent.md). Here they are asked five days later: 52 messages of
  the log were lost in silence, 40 of them by an application that belongs to no
  location.
"""
# What a report is asked in the page, where its own defaults say little.
OPTIONS = {
    "what_changed": "--since 2h --against 24h",
    "failure_rates": "--by country,carrier",
    "error_code_rates": "--by carrier,error_code",
    "evidence": "--country GB --carrier EE --error-code 4770 --since 2h",
    "delivery_by_cohort": "--since 8h",
    "messages_without_any_event": "--since 7d",
    "reconciliation": "--since 7d --by application",
}
# These are asked five days later, with the log of what was sent.
OF_SENT = {"messages_without_any_event", "reconciliation"}


@dataclass(frozen=True, slots=True)
class _Archive:
    """What is asked, and when."""

    opened: duckdb.DuckDBPyConnection
    received_until: datetime | None
    now: datetime


def page(data_dir: Path) -> str:
    """Return the page, made of the demo's archive; it is the same on any day."""
    later_dir = data_dir / demo_archive.LATER
    with (
        _opened(data_dir, demo_archive.UNTIL) as archive,
        _opened(later_dir, demo_archive.UNTIL_LATER) as later,
    ):
        return HEAD + "".join(
            _report(later if query.name in OF_SENT else archive, query)
            for query in _in_order()
        )


@contextmanager
def _opened(data_dir: Path, now: datetime) -> Iterator[_Archive]:
    taken = snapshot.take(data_dir)
    with connect_over(taken) as opened:
        yield _Archive(opened, relevant.received_until(taken.callbacks), now)


def _in_order() -> list[Query]:
    """Return the overview, then what changed, then the others by name."""
    first = ["overview", "what_changed"]
    return sorted(of_kind("report"), key=lambda q: (q.name not in first, q.name))


def _report(archive: _Archive, query: Query) -> str:
    options = OPTIONS.get(query.name, "")
    to = io.StringIO()
    asked = _asked(query, options, archive)
    reports.answer(archive.opened, asked, Format.TABLE, to)
    lines = [line.rstrip() for line in to.getvalue().splitlines()]
    answer = "\n".join(line for line in lines if line)
    command = f"$ undelivered report {query.name} {options}".rstrip()
    return (
        f"\n## {query.name}\n\n*{query.question}*\n\n```console\n{command}\n"
        f"{answer}\n```\n"
    )


def _asked(query: Query, options: str, archive: _Archive) -> Asked:
    """Read options as the command does, at the end of the traffic."""
    given = dict(zip(*[iter(options.split())] * 2, strict=True))
    since, by = given.pop("--since", None), given.pop("--by", None)
    against = given.pop("--against", None)
    filters = {
        option.removeprefix("--").replace("-", "_"): [_value(option, text)]
        for option, text in given.items()
    }
    time = period.of(since, None, None, archive.now)
    chosen = choice.of(filters, by, against)
    return Asked(query, time, chosen, archive.received_until, MOST, WIDTH)


def _value(option: str, text: str) -> object:
    return int(text) if option == "--error-code" else text


def main() -> int:
    """Write the page, or check it."""
    with tempfile.TemporaryDirectory() as folder:
        demo_archive.write(Path(folder))
        return write_or_check(PAGE, page(Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
