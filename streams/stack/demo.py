"""The demo: the whole stack, realistic traffic, and what one learns from it."""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from streams import topics
from streams.settings import Settings
from streams.stack import audit, demo_live, examples, signals, traffic
from streams.stack.console import CONSOLE, doing, say
from streams.stack.post import Answer, Poster, post_all, poster
from streams.stack.up import Stack, running

if TYPE_CHECKING:
    from streams.archive.site import Site

VISIBLE_WITHIN_SECONDS = 60.0
MOST_ROWS = 12
# Counts within seconds instead of a minute: somebody waits for them.
_QUICK: dict[str, object] = {"flush_seconds": 1.0, "counts_seconds": 2.0}
_REPORTS = (
    "overview",
    "failure_rates_by_country",
    "failure_rates_by_error_code",
    "failure_rates_by_country_and_error_code",
)
_EXAMPLES_SQL = f"""\
select distinct destination_country, error_code, description, outcome, event_time
from events where message_id = '{examples.MESSAGE_ID}' order by error_code
"""  # noqa: S608 - a constant of ours
_INCIDENT_SQL = f"""\
select
    date_trunc('hour', window_start) as hour,
    sum(events) as finished,
    coalesce(sum(events) filter (error_code = {traffic.INCIDENT.error_code}), 0)
        as refused,
    round(100 * refused / finished)::int as refused_percent
from failure_rates_by_minute
where country = '{traffic.INCIDENT.country}'
    and carrier = '{traffic.INCIDENT.carrier}'
    and outcome in ('delivered', 'failed', 'unknown')
    and window_start >= now() - interval 6 hours
group by hour order by hour
"""  # noqa: S608 - constants of ours
_PARKED_SQL = """\
select problem, count(*) as callbacks from dead_letters
group by problem order by callbacks desc, problem limit 10
"""
EXIT_DONE, EXIT_FOUND_WRONG, EXIT_INTERRUPTED = 0, 1, 130


def run(settings: Settings, *, once: bool) -> int:
    """Run the demo.

    Args:
        settings: All settings.
        once: End everything after the report; else stay up until SIGTERM or Ctrl-C.

    Returns:
        Exit code: 1 when the check found something, or not all became visible; 130 when
        it was to end by itself and a signal came first.

    Raises:
        ConfigurationError: The stack cannot start.
    """
    quick = {k: v for k, v in _QUICK.items() if k not in settings.model_fields_set}
    with signals.raising():
        try:
            with running(settings.model_copy(update=quick)) as stack:
                return show(stack, once=once)
        except signals.Ended:
            return EXIT_INTERRUPTED if once else EXIT_DONE


def show(stack: Stack, *, once: bool) -> int:
    """Play the traffic, print what it shows, then let more of it go on."""
    with closing(poster(stack.callbacks_url, stack.settings)) as to:
        _play(to)
        parked = _post_examples(to)
        everything = _wait_until_visible(stack)
        _report(stack.site)
        _show_incident(stack.site)
        _show_examples(stack.site, parked)
        agrees = _check(stack)
        _title("What happens now? undelivered watch")
        with demo_live.going_on(to) as shown:
            seen = demo_live.show(stack, shown)
            _say_what_next(stack)
            if not once:
                say("The traffic goes on, and the failures rise: see them in watch.")
                stack.say_ready()
                threading.Event().wait()
    return EXIT_DONE if agrees and everything and seen else EXIT_FOUND_WRONG


@dataclass(slots=True)
class _Taken:
    """What the receiver has taken."""

    bodies: int = 0
    accepted: int = 0
    parked: int = 0

    def add(self, answer: Answer) -> None:
        self.bodies += 1
        self.accepted += answer.accepted
        self.parked += answer.parked


def _play(to: Poster) -> None:
    until = datetime.now(UTC)
    # Another seed each time: what is posted on the same data later is no redelivery.
    bodies = traffic.bodies(int(until.timestamp()), until)
    taken = _Taken()
    if not CONSOLE.is_terminal:
        say(f"Posting {len(bodies)} bodies …")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    began = time.monotonic()
    with Progress(*columns, console=CONSOLE, disable=not CONSOLE.is_terminal) as bar:
        task = bar.add_task("Posting callbacks", total=len(bodies))

        def note(answer: Answer) -> None:
            taken.add(answer)
            bar.advance(task)

        post_all(to, bodies, note)
    say(
        f"{taken.bodies} bodies posted in {time.monotonic() - began:.1f} s: "
        f"{taken.accepted} callbacks accepted, {taken.parked} parked."
    )


def _post_examples(to: Poster) -> Answer:
    """Post the documented examples; return the answer to the one that is no JSON."""
    to.post(examples.FORBIDDEN_TO_COUNTRY)
    parked = to.post(examples.RECEIPT_EXPIRED)
    to.post(examples.RECEIPT_EXPIRED_REPAIRED)
    return parked


def _wait_until_visible(stack: Stack) -> bool:
    """Wait until both tables have taken in the whole log; say it if they do not."""
    from streams.warehouse import snapshot  # noqa: PLC0415 - 0.4 s

    ends = topics.end_offsets(stack.bootstrap_servers)
    log_id = topics.current_log(stack.bootstrap_servers).log_id

    def visible() -> bool:
        taken = snapshot.take(stack.site)
        life = taken.callbacks.newest_life(log_id, len(ends))
        return all(
            table.position(life, partition) >= end
            for table in taken.tables
            for partition, end in ends.items()
        )

    with doing("Waiting until all of it is in the archive …"):
        began = time.monotonic()
        done = _until(visible, VISIBLE_WITHIN_SECONDS)
    waited = time.monotonic() - began
    if done:
        say(f"All of it is archived and counted, {waited:.1f} s after the last answer.")
    else:
        say(f"After {waited:.0f} s some is missing: see {stack.output('worker')}.")
    return done


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _report(where: "Site") -> None:
    from streams.warehouse import output, period, reports  # noqa: PLC0415

    day = period.of(None, None, None, datetime.now(UTC))
    say("")
    say(f"The reports of the last 24 hours, the first {MOST_ROWS} rows of each:")
    for name in _REPORTS:
        _title(f"undelivered report {name}")
        reports.show(where, name, day, output.Format.TABLE, MOST_ROWS)


def _show_incident(where: "Site") -> None:
    """Show what went wrong in the traffic, where a person would look for it."""
    incident = traffic.INCIDENT
    _title(f"What happened in {incident.country}?")
    say(f"Carrier {incident.carrier} by the hour, and its error {incident.error_code}:")
    _show_query(where, _INCIDENT_SQL)


def _show_examples(where: "Site", parked: Answer) -> None:
    """Show what became of the provider's own examples, which are of 2016."""
    _title('The two examples of the provider\'s page "Message Failed"')
    say("Error 4432, and 9902 once its trailing comma was repaired:")
    _show_query(where, _EXAMPLES_SQL)
    say("9902 as it is documented is no JSON. It was answered 200 with")
    say(f"  {msgspec.json.encode(parked).decode()}")
    say("and kept, among all that could not be read:")
    _show_query(where, _PARKED_SQL)


def _show_query(where: "Site", query: str) -> None:
    from streams.warehouse import connect, output, statements  # noqa: PLC0415

    with closing(connect(where)) as opened:
        found = statements.run(opened, query)
        if found is not None:
            output.write(found, output.Format.TABLE)


def _check(stack: Stack) -> bool:
    """Recount everything, compare the monitor; return whether all agrees."""
    from streams.warehouse import check, output  # noqa: PLC0415

    _title("undelivered check")
    port = stack.ports.monitor
    settings = stack.settings.model_copy(update={"monitor_port": port})
    result, audited = check.run(stack.site), audit.of_running_monitor(settings)
    findings = (*result.findings, *(audited.findings if audited else ()))
    if findings:
        output.write(check.as_rows(findings), output.Format.TABLE)
    else:
        say(result.well)
    if audited is not None:
        say(audited.words)
    return not findings and audited is not None and audited.compared is not None


def _say_what_next(stack: Stack) -> None:
    _title("What to try next")
    program = "undelivered"
    beside = Path(sys.executable).with_name(program)
    if beside.is_relative_to(Path.cwd()):
        program = str(beside.relative_to(Path.cwd()))
    by_both = "report failure_rates_by_country_and_error_code"
    for words in ("watch", f"{by_both} --since 6h --window 30m", "sql", "check"):
        say(f"  {program} {words}{stack.data_dir_option}")


def _title(text: str) -> None:
    say("")
    CONSOLE.print(text, style="bold", markup=False)
