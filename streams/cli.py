"""The commands: parse, call, print."""

import sys
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from streams.settings import (
    DEFAULT_PORTS,
    ENVIRONMENT_PREFIX,
    ConfigurationError,
    Settings,
    load,
)

if TYPE_CHECKING:
    from streams.archive.site import Site

# Heavy modules are imported inside the commands that need them, after what may be said
# to be wrong: --help and errors are quick.
# ruff: noqa: PLC0415

app = typer.Typer(
    name="undelivered",
    help="What text messages do not arrive, where, why, and since when.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

EXIT_DONE, EXIT_FOUND_WRONG, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


def _help(name: str) -> str:
    """Describe a setting's option: its meaning, default and variable."""
    field = Settings.model_fields[name]
    default = DEFAULT_PORTS.get(name.removesuffix("_port"), field.default)
    shown = "" if default is None else f" Default: {default}."
    return f"{field.description}{shown} Variable: {ENVIRONMENT_PREFIX}{name.upper()}."


# Shared options. None means not given: then the variable, then the default decides.
DataDir = Annotated[Path | None, typer.Option(help=_help("data_dir"))]
Archive = Annotated[str | None, typer.Option(help=_help("archive"))]
Debug = Annotated[bool | None, typer.Option("--debug", help=_help("debug"))]
BootstrapServers = Annotated[str | None, typer.Option(help=_help("bootstrap_servers"))]
KafkaJars = Annotated[Path | None, typer.Option(help=_help("kafka_jars"))]
CacheDir = Annotated[Path | None, typer.Option(help=_help("cache_dir"))]
Host = Annotated[str | None, typer.Option(help=_help("host"))]
ReceiverPort = Annotated[int | None, typer.Option(help=_help("receiver_port"))]
MonitorPort = Annotated[int | None, typer.Option(help=_help("monitor_port"))]
WorkerPort = Annotated[int | None, typer.Option(help=_help("worker_port"))]
KafkaPort = Annotated[int | None, typer.Option(help=_help("kafka_port"))]
Partitions = Annotated[int | None, typer.Option(help=_help("partitions"))]
MemberId = Annotated[str | None, typer.Option(help=_help("member_id"))]


@app.callback(invoke_without_command=True)
def _program(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.")
    ] = False,
) -> None:
    if show_version:
        typer.echo(f"undelivered {version('undelivered')}")
        raise typer.Exit


# --- The stack: processes that run until SIGTERM or Ctrl-C ---------------------------


@app.command()
def up(  # noqa: PLR0913 - one parameter an option
    *,
    data_dir: DataDir = None,
    archive: Archive = None,
    bootstrap_servers: BootstrapServers = None,
    kafka_jars: KafkaJars = None,
    cache_dir: CacheDir = None,
    host: Host = None,
    receiver_port: ReceiverPort = None,
    monitor_port: MonitorPort = None,
    worker_port: WorkerPort = None,
    kafka_port: KafkaPort = None,
    partitions: Partitions = None,
    debug: Debug = None,
) -> None:
    """Run everything on this machine: Kafka, receiver, worker and monitor."""
    from streams.stack import up as stack

    settings = load(
        data_dir=data_dir,
        archive=archive,
        bootstrap_servers=bootstrap_servers,
        kafka_jars=kafka_jars,
        cache_dir=cache_dir,
        host=host,
        receiver_port=receiver_port,
        monitor_port=monitor_port,
        worker_port=worker_port,
        kafka_port=kafka_port,
        partitions=partitions,
        debug=debug,
    )
    raise typer.Exit(stack.run(settings))


@app.command()
def demo(  # noqa: PLR0913 - one parameter an option
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the report.")] = False,
    data_dir: DataDir = None,
    archive: Archive = None,
    bootstrap_servers: BootstrapServers = None,
    kafka_jars: KafkaJars = None,
    cache_dir: CacheDir = None,
    host: Host = None,
    receiver_port: ReceiverPort = None,
    monitor_port: MonitorPort = None,
    worker_port: WorkerPort = None,
    kafka_port: KafkaPort = None,
    partitions: Partitions = None,
    debug: Debug = None,
) -> None:
    """Run everything, play realistic traffic, print the report."""
    from streams.stack import demo as show

    settings = load(
        data_dir=data_dir,
        archive=archive,
        bootstrap_servers=bootstrap_servers,
        kafka_jars=kafka_jars,
        cache_dir=cache_dir,
        host=host,
        receiver_port=receiver_port,
        monitor_port=monitor_port,
        worker_port=worker_port,
        kafka_port=kafka_port,
        partitions=partitions,
        debug=debug,
    )
    raise typer.Exit(show.run(settings, once=once))


@app.command()
def receive(  # noqa: PLR0913 - one parameter an option
    *,
    data_dir: DataDir = None,
    archive: Archive = None,
    bootstrap_servers: BootstrapServers = None,
    host: Host = None,
    receiver_port: ReceiverPort = None,
    partitions: Partitions = None,
    debug: Debug = None,
) -> None:
    """Receive callbacks by HTTP and write them to Kafka."""
    from streams.stack import ports, run_file
    from streams.topics import ensure_topics

    settings = load(
        data_dir=data_dir,
        archive=archive,
        bootstrap_servers=bootstrap_servers,
        host=host,
        receiver_port=receiver_port,
        partitions=partitions,
        debug=debug,
    )
    servers = run_file.bootstrap_servers(settings)
    port = ports.choose("receiver", settings.receiver_port, settings.host)
    log = ensure_topics(servers, settings.partitions)
    from streams.intake import receiver

    _log(settings)
    receiver.serve(settings, servers, log, port)


@app.command()
def work(  # noqa: PLR0913 - one parameter an option
    *,
    data_dir: DataDir = None,
    archive: Archive = None,
    bootstrap_servers: BootstrapServers = None,
    host: Host = None,
    worker_port: WorkerPort = None,
    partitions: Partitions = None,
    member_id: MemberId = None,
    accept_log_loss: Annotated[
        bool,
        typer.Option(
            "--accept-log-loss",
            help="Go on with a Kafka that has lost archived records: begin a new life "
            "of the log.",
        ),
    ] = False,
    debug: Debug = None,
) -> None:
    """Read callbacks from Kafka into the archive's two tables."""
    from streams.lean import reuse_memory

    reuse_memory()
    from streams.stack import ports, run_file
    from streams.topics import ensure_topics

    settings = load(
        data_dir=data_dir,
        archive=archive,
        bootstrap_servers=bootstrap_servers,
        host=host,
        worker_port=worker_port,
        partitions=partitions,
        member_id=member_id,
        debug=debug,
    )
    servers = run_file.bootstrap_servers(settings)
    port = ports.choose("worker", settings.worker_port, settings.host)
    log = ensure_topics(servers, settings.partitions)
    from streams import worker

    typer.echo(f"Working for Kafka {servers}, health on {settings.host}:{port}.")
    _log(settings)
    raise typer.Exit(
        worker.run(settings, servers, log, port, accept_log_loss=accept_log_loss)
    )


@app.command()
def monitor(  # noqa: PLR0913 - one parameter an option
    *,
    data_dir: DataDir = None,
    archive: Archive = None,
    bootstrap_servers: BootstrapServers = None,
    host: Host = None,
    monitor_port: MonitorPort = None,
    partitions: Partitions = None,
    debug: Debug = None,
) -> None:
    """Answer by HTTP what fails now: rates within a second of the callback."""
    from streams.stack import ports, run_file
    from streams.topics import ensure_topics

    settings = load(
        data_dir=data_dir,
        archive=archive,
        bootstrap_servers=bootstrap_servers,
        host=host,
        monitor_port=monitor_port,
        partitions=partitions,
        debug=debug,
    )
    servers = run_file.bootstrap_servers(settings)
    port = ports.choose("monitor", settings.monitor_port, settings.host)
    ensure_topics(servers, settings.partitions)
    from streams import monitor as live_view

    raise typer.Exit(live_view.run(settings, servers, port))


@app.command()
def watch(  # noqa: PLR0913 - one parameter an option
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Print one picture and end.")
    ] = False,
    data_dir: DataDir = None,
    archive: Archive = None,
    host: Host = None,
    monitor_port: MonitorPort = None,
    debug: Debug = None,
) -> None:
    """Show in the terminal what fails now, and how that differs from earlier days."""
    from streams.stack import run_file

    settings = load(
        data_dir=data_dir,
        archive=archive,
        host=host,
        monitor_port=monitor_port,
        debug=debug,
    )
    address = run_file.monitor(settings)
    from streams.monitor.watch import run as showing

    showing.run(address, once=once)


def _log(settings: Settings) -> None:
    """Log to standard error from here on."""
    import logging

    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    own = logging.DEBUG if settings.debug else logging.INFO
    logging.getLogger("streams").setLevel(own)


# --- The warehouse: commands that read the archive -----------------------------------


def _site(settings: Settings) -> "Site":
    from streams.archive import site

    return site.of(settings)


def _say_if_there_is_no_archive(settings: Settings) -> None:
    """Say on standard error why everything is empty, if so."""
    from streams.warehouse import snapshot

    if absence := snapshot.absence(_site(settings)):
        typer.echo(absence, err=True)


FormatOption = Annotated[
    Literal["table", "csv", "json", "md"],
    typer.Option(
        "--format", help="How rows are printed. Rates are exact in csv, json."
    ),
]


Only = Annotated[
    list[str] | None,
    typer.Option(help="Only this; may be given several times; '' for not sent."),
]


@app.command()
def report(  # noqa: PLR0913 - one parameter an option
    name: Annotated[str, typer.Argument(help="One of those that reports lists.")],
    *,
    since: Annotated[
        str | None,
        typer.Option(help="Start: ISO 8601, 30m, 24h, 7d ago, or all. Default: 24h."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="End, not included. Default: now.")
    ] = None,
    window: Annotated[
        str | None, typer.Option(help="One row a window of this length, such as 5m.")
    ] = None,
    country: Only = None,
    application: Only = None,
    carrier: Only = None,
    sender: Only = None,
    tag: Only = None,
    error_code: Annotated[
        list[int] | None, typer.Option(help="Only this; may be given several times.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Groups of failure_rates, such as country,carrier."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="what_changed: how long before the earlier period lies, such as 7d. "
            "Default: as long as the period is."
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            min=0, help="So many rows at most, 0 for all. Default: 30 in tables."
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - named as its option
        Literal["table", "csv", "json", "md", "parquet"],
        typer.Option(
            "--format",
            help="How rows are printed. Rates are exact in csv, json, parquet.",
        ),
    ] = "table",
    data_dir: DataDir = None,
    archive: Archive = None,
    debug: Debug = None,
) -> None:
    """Print a report, for example failure_rates_by_country."""
    from streams.warehouse import choice, output, period, reports

    settings = load(data_dir=data_dir, archive=archive, debug=debug)
    asked = period.of(since, until, window, datetime.now(UTC))
    filters = {
        "country": country,
        "application": application,
        "carrier": carrier,
        "sender": sender,
        "tag": tag,
        "error_code": error_code,
    }
    chosen = choice.of(filters, by, against)
    reports.named(name, chosen)
    _say_if_there_is_no_archive(settings)
    form = output.Format(format)
    most = reports.most_rows(top, form, asked)
    reports.show(_site(settings), name, asked, form, most, chosen=chosen)


@app.command("reports")
def list_reports(
    *,
    format: FormatOption = "table",  # noqa: A002 - named as its option
    data_dir: DataDir = None,  # noqa: ARG001 - every command takes it
    archive: Archive = None,  # noqa: ARG001
    debug: Debug = None,  # noqa: ARG001
) -> None:
    """List the reports and the question that each answers."""
    from streams.warehouse import output, reports

    output.write(reports.listed(), output.Format(format))


@app.command()
def sql(  # noqa: PLR0913 - one parameter an option
    query: Annotated[
        str | None,
        typer.Argument(help="Statement; else standard input, or a prompt."),
    ] = None,
    *,
    output_file: Annotated[
        Path | None,
        typer.Option(
            "--output", help="Write the rows to a file: .csv, .json or .parquet."
        ),
    ] = None,
    format: FormatOption = "table",  # noqa: A002 - named as its option
    data_dir: DataDir = None,
    archive: Archive = None,
    debug: Debug = None,
) -> None:
    """Query the archive with DuckDB's SQL; nothing can be changed in it."""
    from streams.warehouse import output, prompt, statements
    from streams.warehouse.output import to_file

    settings = load(data_dir=data_dir, archive=archive, debug=debug)
    form = output.Format(format)
    if output_file is not None:
        to_file.require_known(output_file)
    _say_if_there_is_no_archive(settings)
    if query is None and sys.stdin.isatty():
        history = settings.cache_dir.expanduser() / "sql_history"
        prompt.run(_site(settings), form, typer.echo, history)
        return
    with prompt.open_locked(_site(settings)) as opened, statements.errors_in_words():
        found = statements.run(opened, sys.stdin.read() if query is None else query)
        if found is None:
            return
        if output_file is None:
            output.write(found, form)
        else:
            to_file.write(found, output_file)


@app.command()
def warehouse(
    file: Annotated[Path, typer.Argument(help="File to write, such as sms.duckdb.")],
    *,
    data_dir: DataDir = None,
    archive: Archive = None,
    debug: Debug = None,
) -> None:
    """Write a DuckDB file with all views, for BI tools; run it again for newer rows."""
    from streams.warehouse import database

    settings = load(data_dir=data_dir, archive=archive, debug=debug)
    _say_if_there_is_no_archive(settings)
    files = database.write(_site(settings), file)
    typer.echo(
        f"{file} shows the archive as it is now, {files:,} files. It does not change "
        f"by itself: run this again as often as newer rows are wanted, at least every "
        f"{settings.vacuum_grace}, for so long replaced files stay."
    )


@app.command()
def check(  # noqa: PLR0913 - one parameter an option
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="First derive again what is counted wrong.")
    ] = False,
    format: FormatOption = "table",  # noqa: A002 - named as its option
    data_dir: DataDir = None,
    archive: Archive = None,
    host: Host = None,
    monitor_port: MonitorPort = None,
    debug: Debug = None,
) -> None:
    """Recount the events; compare counts and the monitor; test what views promise."""
    from streams.stack import audit
    from streams.warehouse import check as checking
    from streams.warehouse import output

    settings = load(
        data_dir=data_dir,
        archive=archive,
        host=host,
        monitor_port=monitor_port,
        debug=debug,
    )
    _say_if_there_is_no_archive(settings)
    if repair:
        from streams.warehouse import repair as repairing

        typer.echo(f"{repairing.run(_site(settings)):,} cells derived again.", err=True)
    result = checking.run(_site(settings))
    audited = audit.of_running_monitor(settings)
    findings = (
        result.findings if audited is None else result.findings + audited.findings
    )
    for note in result.notes:
        typer.echo(note, err=True)
    if findings or format != "table":
        output.write(checking.as_rows(findings), output.Format(format))
    else:
        typer.echo(result.well)
    if audited is not None:
        typer.echo(audited.words, err=bool(findings) or format != "table")
    raise typer.Exit(EXIT_FOUND_WRONG if findings else EXIT_DONE)


@app.command()
def maintain(  # noqa: PLR0913 - one parameter an option
    *,
    keep: Annotated[str | None, typer.Option(help=_help("keep"))] = None,
    keep_counts: Annotated[str | None, typer.Option(help=_help("keep_counts"))] = None,
    vacuum_grace: Annotated[
        str | None, typer.Option(help=_help("vacuum_grace"))
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; do nothing.")
    ] = False,
    format: FormatOption = "table",  # noqa: A002 - named as its option
    data_dir: DataDir = None,
    archive: Archive = None,
    debug: Debug = None,
) -> None:
    """Sum old counts, put small files together, drop what is old; beside workers."""
    from streams.warehouse import maintain_command, output

    settings = load(
        keep=keep,
        keep_counts=keep_counts,
        vacuum_grace=vacuum_grace,
        data_dir=data_dir,
        archive=archive,
        debug=debug,
    )
    _say_if_there_is_no_archive(settings)
    done = maintain_command.run(settings, datetime.now(UTC), dry_run=dry_run)
    for difference in done.differences:
        typer.echo(f"counted again: {difference}", err=True)
    output.write(done.rows, output.Format(format))


# --- History: files into the topic ---------------------------------------------------


@app.command("import")
def import_files(  # noqa: PLR0913 - one parameter an option
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...", help="Files, folders, or - for standard input."
        ),
    ],
    *,
    sent: Annotated[
        bool,
        typer.Option(
            "--sent",
            help="The files are logs of messages sent, CSV or JSON: needs no Kafka.",
        ),
    ] = False,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=NAME",
            help="With --sent: the column that has message_id, destination, sent_at, "
            "sender or application_id, where its name is not recognised.",
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            help="With --sent: zone of times that name none, such as "
            "America/New_York. Default: UTC."
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - named as its option
        Literal["table", "csv", "json", "md"],
        typer.Option(
            "--format",
            help="How the summary is printed; that of the files is recognised.",
        ),
    ] = "table",
    data_dir: DataDir = None,
    archive: Archive = None,
    bootstrap_servers: BootstrapServers = None,
    partitions: Partitions = None,
    debug: Debug = None,
) -> None:
    """Import older callbacks from files; run it again and nothing counts twice.

    With --sent: logs of messages sent, by which those are found of which nothing was
    ever told. Exit code 0: all is sent or archived already, also what was parked
    because it cannot be read. 1: a file or line came to nothing.
    """
    if sent:
        settings = load(data_dir=data_dir, archive=archive, debug=debug)
        _import_sent(settings, paths, column, time_zone, format)
    if column or time_zone is not None:
        raise ConfigurationError(
            "--column and --time-zone say how a log of messages sent is read: add "
            "--sent, or leave them out."
        )
    from streams.intake.importing import run as importing
    from streams.intake.importing import summary
    from streams.stack import run_file
    from streams.topics import ensure_topics
    from streams.warehouse import output
    from streams.warehouse.output.values import printable

    settings = load(
        data_dir=data_dir,
        archive=archive,
        bootstrap_servers=bootstrap_servers,
        partitions=partitions,
        debug=debug,
    )
    servers = run_file.bootstrap_servers(settings)
    log = ensure_topics(servers, settings.partitions)
    done = importing.run(settings, servers, log, paths)
    for note in summary.notes(done):
        typer.echo(printable(note), err=True)
    output.write(summary.rows(done), output.Format(format))
    if done.was_interrupted:
        raise KeyboardInterrupt
    raise typer.Exit(EXIT_FOUND_WRONG if done.problems else EXIT_DONE)


def _import_sent(
    settings: Settings,
    paths: list[str],
    columns: list[str] | None,
    time_zone: str | None,
    form: str,
) -> NoReturn:
    from streams.intake.importing import sent_asked, sent_run, sent_summary
    from streams.warehouse import output
    from streams.warehouse.output.values import printable

    asked = sent_asked.of(paths, columns or (), time_zone)
    done = sent_run.run(settings, asked, datetime.now(UTC))
    for note in sent_summary.notes(done):
        typer.echo(printable(note), err=True)
    output.write(sent_summary.rows(done), output.Format(form))
    if done.was_interrupted:
        raise KeyboardInterrupt
    raise typer.Exit(EXIT_FOUND_WRONG if done.problems else EXIT_DONE)


# --- Dead letters: what could not be read ---------------------------------------------

dead_letters = typer.Typer(no_args_is_help=True)
app.add_typer(
    dead_letters,
    name="dead-letters",
    help="List, show, resend and prune callbacks that could not be read.",
)

PlaceArguments = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PLACE]...", help="Places, as list names them."),
]
Reason = Annotated[
    str | None, typer.Option(help="Those whose reason has these words, in any case.")
]


@dead_letters.command("list")
def list_dead_letters(  # noqa: PLR0913 - one parameter an option
    *,
    since: Annotated[
        str | None,
        typer.Option(help="Received since: ISO 8601, or 24h, 7d ago. Default: all."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Received before. Default: now.")
    ] = None,
    format: FormatOption = "table",  # noqa: A002 - named as its option
    data_dir: DataDir = None,
    archive: Archive = None,
    debug: Debug = None,
) -> None:
    """Count dead letters by reason: how many, since when, where one is."""
    from streams.warehouse import connect, output, period
    from streams.warehouse import dead_letters as letters

    settings = load(data_dir=data_dir, archive=archive, debug=debug)
    asked = period.of(since or period.ALL, until, None, datetime.now(UTC))
    _say_if_there_is_no_archive(settings)
    with connect(_site(settings)) as connection:
        output.write(letters.by_reason(connection, asked), output.Format(format))


@dead_letters.command("show")
def show_dead_letters(  # noqa: PLR0913 - one parameter an option
    places: PlaceArguments = None,
    *,
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, help="Show this many at most.")] = 10,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write one's bytes, not to a terminal.")
    ] = False,
    data_dir: DataDir = None,
    archive: Archive = None,
    debug: Debug = None,
) -> None:
    """Show dead letters, the newest first: what is wrong, and where in the bytes."""
    if raw and len(places or ()) != 1:
        raise ConfigurationError("--raw writes the bytes of one: give its place.")
    if raw and sys.stdout.isatty():
        raise ConfigurationError(
            "--raw would send hostile bytes to the terminal: write them to a file or a "
            "program, such as > callback.json or | xxd."
        )
    from streams.warehouse import connect, dead_letter_page
    from streams.warehouse import dead_letters as letters

    settings = load(data_dir=data_dir, archive=archive, debug=debug)
    choice = letters.Choice(tuple(places or ()), reason)
    with connect(_site(settings)) as connection:
        for place in letters.repaired(connection, choice.places):
            typer.echo(f"{place}: has been resent, it is no dead letter.", err=True)
        for letter in islice(letters.chosen(connection, choice), limit):
            if raw:
                sys.stdout.buffer.write(letter.raw or b"")
            else:
                typer.echo("\n".join([*dead_letter_page.lines(letter), ""]))


@dead_letters.command("resend")
def resend_dead_letters(  # noqa: PLR0913 - one parameter an option
    places: PlaceArguments = None,
    *,
    reason: Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    fix: Annotated[
        Literal["trailing-commas"] | None, typer.Option(help="Repair each so.")
    ] = None,
    edit: Annotated[
        bool, typer.Option("--edit", help="Open each in VISUAL, EDITOR or vi.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send without asking.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")
    ] = False,
    data_dir: DataDir = None,
    archive: Archive = None,
    bootstrap_servers: BootstrapServers = None,
    debug: Debug = None,
) -> None:
    """Repair dead letters and send them again; only what can be read is sent."""
    if [bool(places), reason is not None, everything].count(True) != 1:
        raise ConfigurationError(
            "Say which dead letters: their places, or --reason, or --all."
        )
    is_asked = not (yes or dry_run)
    if is_asked and not sys.stdin.isatty():
        raise ConfigurationError(
            "Nobody is here to be asked (standard input is no terminal): add --yes to "
            "send, or --dry-run to see what would be sent."
        )
    from streams.settings import editor
    from streams.stack import run_file

    settings = load(
        data_dir=data_dir,
        archive=archive,
        bootstrap_servers=bootstrap_servers,
        debug=debug,
    )
    servers = run_file.bootstrap_servers(settings)
    from streams.intake import resend
    from streams.warehouse.dead_letters import Choice

    asked = resend.Asked(
        Choice(tuple(places or ()), reason),
        fix,
        editor() if edit else None,
        is_sure=yes,
        is_rehearsal=dry_run,
    )
    talk = resend.Talk(typer.echo, typer.confirm)
    tally = resend.run(_site(settings), servers, asked, talk)
    typer.echo(tally.sentence(is_rehearsal=dry_run))
    raise typer.Exit(EXIT_FOUND_WRONG if tally.unreadable else EXIT_DONE)


@dead_letters.command("prune")
def prune_dead_letters(
    *,
    raw_keep_days: Annotated[
        int | None, typer.Option(help=_help("raw_keep_days"))
    ] = None,
    data_dir: DataDir = None,
    archive: Archive = None,
    debug: Debug = None,
) -> None:
    """Remove the bytes of old dead letters; what was wrong with them stays."""
    from streams.archive import pruning

    settings = load(
        raw_keep_days=raw_keep_days, data_dir=data_dir, archive=archive, debug=debug
    )
    pruned = pruning.prune_raw(
        _site(settings), datetime.now(UTC).date(), settings.raw_keep_days
    )
    typer.echo(
        f"Rows received before {pruned.before} that lost their bytes: {pruned.rows:,}. "
        f"Files replaced a week ago or earlier and removed: {pruned.files:,}."
    )


# --- The doctor ----------------------------------------------------------------------

_MARKS = {"well": "\u2713", "wrong": "\u2717", "not checked": "\u2013"}


@app.command()
def doctor(  # noqa: PLR0913 - one parameter an option
    *,
    format: FormatOption = "table",  # noqa: A002 - named as its option
    data_dir: DataDir = None,
    archive: Archive = None,
    bootstrap_servers: BootstrapServers = None,
    host: Host = None,
    partitions: Partitions = None,
    debug: Debug = None,
) -> None:
    """Look whether everything is well: Kafka, topics, archive, disk, clock."""
    settings = load(
        data_dir=data_dir,
        archive=archive,
        bootstrap_servers=bootstrap_servers,
        host=host,
        partitions=partitions,
        debug=debug,
    )
    from streams.stack.doctor import Finding, State, examine
    from streams.warehouse import output, rows
    from streams.warehouse.output.values import printable

    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if format == "table":
            check, state, found, advice = finding
            told = printable(f"{found}: {advice}" if advice else found).rstrip(".")
            typer.echo(f"{_MARKS[state]} {state:<11}  {check:<19}  {told}.")
    if format != "table":
        types = ("VARCHAR",) * len(Finding._fields)
        found_rows = rows.Rows(Finding._fields, types, iter(findings))
        output.write(found_rows, output.Format(format))
    is_wrong = any(finding.state is State.WRONG for finding in findings)
    raise typer.Exit(EXIT_FOUND_WRONG if is_wrong else EXIT_DONE)


# --- The program ---------------------------------------------------------------------


def main() -> None:
    """Run the command line; every error is one sentence and an exit code."""
    try:
        app()
    except ConfigurationError as error:
        _fail(error, str(error), EXIT_USAGE)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.exit(EXIT_DONE)  # the reader of our output, such as head, has enough
    except Exception as error:  # noqa: BLE001 - the edge of the program
        said = str(error).strip() or type(error).__name__
        first_line = said.splitlines()[0]
        _fail(
            error,
            f"{first_line} ({type(error).__name__}; --debug shows where).",
            EXIT_FOUND_WRONG,
        )


def _fail(error: BaseException, sentence: str, code: int) -> None:
    if _debug_wanted():
        raise error
    typer.echo(f"Error: {sentence}", err=True)
    sys.exit(code)


def _debug_wanted() -> bool:
    if "--debug" in sys.argv:
        return True
    try:
        return load().debug
    except ConfigurationError:
        return False


if __name__ == "__main__":
    main()
