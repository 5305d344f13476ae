"""The command ``maintain``: settings → a run, with a bar on a terminal."""

import sys
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from streams.archive import site
from streams.settings import Settings, length_of
from streams.warehouse import maintain
from streams.warehouse.maintain_steps import Done


def run(settings: Settings, now: datetime, *, dry_run: bool) -> Done:
    """Look after the archive, as the settings say.

    Raises:
        ConfigurationError: Another run goes on.
        CommitRefusedError: Somebody else rewrites the same files all the time.
        CommitFailedOrUnknownError: A table cannot be read or written.
    """
    grace = length_of(settings.vacuum_grace)
    assert grace is not None  # noqa: S101 - the setting was read as one
    wanted = maintain.Wanted(
        grace=grace,
        keep=length_of(settings.keep or ""),
        keep_counts=length_of(settings.keep_counts or ""),
        dry_run=dry_run,
    )
    console = Console(file=sys.stderr, highlight=False)
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task("", total=None)

    def shown(what: str, done: int, total: int) -> None:
        bar.update(task, description=what, completed=done, total=total)

    with bar:
        return maintain.run(site.of(settings), wanted, now, shown)
