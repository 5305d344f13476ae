"""A view → what rich draws, or one line of text."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from streams.monitor.watch.view import Change, Line, View
from streams.warehouse.output.values import printable

TOO_FEW = "too few to tell"
# An interval wider than this says nothing about one country.
_WIDEST = 0.5
_BLOCKS, _ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.-:=+*#"
# Below this a course is drawn low: it is not worth a look.
_LEAST_SCALE = 0.02
_STALE_SECONDS = 10.0
_NARROW_COURSE, _WIDE_COURSE = 12, 24
_NARROW_NAME, _WIDE_NAME = 16, 36

Meanings = Mapping[int, str]
Names = Mapping[str, str]
NameOf = Callable[[str | int | None], str]


def draw(  # noqa: PLR0913 - what is shown, its words, and the terminal
    view: View,
    now: datetime,
    countries: Names,
    codes: Meanings,
    *,
    is_ascii: bool,
    is_wide: bool,
) -> RenderableType:
    """Draw everything.

    Args:
        view: What to show.
        now: The time of this machine, for how long ago the counts are true.
        countries: Name by ISO 3166 code.
        codes: Meaning by error code.
        is_ascii: The terminal cannot draw blocks.
        is_wide: It has room for twelve hours instead of six.
    """
    return Group(
        _headline(view, is_ascii=is_ascii),
        *_notes(view, now),
        Text(),
        *(
            _table(title, lines, name_of, is_ascii=is_ascii, is_wide=is_wide)
            for title, lines, name_of in (
                ("country", view.countries, _countries(countries)),
                ("error code", view.codes, _codes(codes)),
            )
        ),
    )


def in_a_line(view: View, countries: Names, codes: Meanings) -> str:
    """Say the same in one line, for a file or a pipe."""
    when = "no counts yet" if view.as_of is None else f"{view.as_of:%Y-%m-%dT%H:%M:%SZ}"
    words = [when, "nothing finished in the last hour"]
    if view.overall is not None:
        words[1] = f"{_rate(view.overall)} failed of {view.overall.finished:,}"
    for lines, name in (
        (view.countries, _countries(countries)),
        (view.codes, _codes(codes)),
    ):
        if lines and not lines[0].is_other:
            words.append(f"{name(lines[0].name)}: {_rate(lines[0])}")
    return "; ".join([*words, *view.problems])


def _headline(view: View, *, is_ascii: bool) -> Text:
    line = view.overall
    if line is None:
        return Text("Nothing finished in the last hour.", style="bold")
    text = Text(f"{_rate(line)} failed", style="bold")
    text.append(f" of {line.finished:,} that finished in the last hour", style="")
    if view.unknown_rate is not None:
        text.append(f"; {_percent(view.unknown_rate)} without a receipt", style="")
    text.append(f"   {_spark(line.course, is_ascii=is_ascii)}", style="cyan")
    for change, ago in zip(line.changes, ("yesterday", "last week"), strict=False):
        text.append(f"   {ago} ").append(_change(change))
    return text


def _notes(view: View, now: datetime) -> list[Text]:
    """Say how far the counts are, and why they stand still."""
    if view.as_of is None:
        notes = [Text("No worker has told how far the counts are.", style="yellow")]
    else:
        seconds = (now.astimezone(UTC) - view.as_of).total_seconds()
        ago = f"{seconds:.0f} s ago" if seconds >= 0 else "by the broker's clock"
        style = "yellow" if seconds > _STALE_SECONDS else "dim"
        notes = [
            Text(f"Counted up to {view.as_of:%Y-%m-%d %H:%M:%S} UTC, {ago}.", style)
        ]
    return notes + [Text(printable(p), style="bold red") for p in view.problems]


def _table(
    title: str,
    lines: Sequence[Line],
    name_of: NameOf,
    *,
    is_ascii: bool,
    is_wide: bool,
) -> Table:
    table = Table(
        box=box.ASCII2 if is_ascii else box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    windows = _WIDE_COURSE if is_wide else _NARROW_COURSE
    width = _WIDE_NAME if is_wide else _NARROW_NAME
    table.add_column(title, no_wrap=True, overflow="ellipsis", max_width=width)
    table.add_column("failed", justify="right", no_wrap=True)
    table.add_column("rate % (95 %)", justify="right", no_wrap=True)
    table.add_column(f"{windows // 2} h", style="cyan", no_wrap=True, min_width=windows)
    table.add_column("1 d ago", justify="right", no_wrap=True)
    table.add_column("7 d ago", justify="right", no_wrap=True)
    for line in lines:
        table.add_row(
            Text("others" if line.is_other else name_of(line.name)),
            f"{line.events:,} of {line.finished:,}",
            _interval(line),
            _spark(line.course[-windows:], is_ascii=is_ascii),
            *(_change(change) for change in line.changes),
        )
    if not lines:
        table.add_row("nothing failed", *[""] * 5)
    return table


def _countries(names: Names) -> NameOf:
    def name_of(country: str | int | None) -> str:
        if country is None:
            return "not told"
        return printable(f"{country} {names.get(str(country), '')}".rstrip())

    return name_of


def _codes(meanings: Meanings) -> NameOf:
    def name_of(code: str | int | None) -> str:
        if code is None:
            return "no code"
        return printable(f"{code} {meanings.get(int(code), 'not documented')}")

    return name_of


def _rate(line: Line) -> str:
    if line.rate is None or line.low is None or line.high is None:
        return ""
    return f"{_percent(line.rate)} ({100 * line.low:.1f}-{100 * line.high:.1f})"


def _interval(line: Line) -> str:
    if line.rate is None or line.low is None or line.high is None:
        return ""
    if line.high - line.low > _WIDEST:
        return TOO_FEW
    return f"{100 * line.rate:.1f} ({100 * line.low:.1f}-{100 * line.high:.1f})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _change(change: Change) -> Text:
    """Write points of percent; bold and coloured where it is more than chance."""
    if change.difference is None:
        return Text("-", style="dim")
    words = f"{100 * change.difference:+.1f}"
    if not change.is_more_than_chance:
        return Text(words, style="dim")
    return Text(words, style="bold red" if change.difference > 0 else "bold green")


def _spark(course: Sequence[float | None], *, is_ascii: bool) -> str:
    """Draw rates as blocks, the highest of a course whole, gaps as blanks."""
    blocks = _ASCII_BLOCKS if is_ascii else _BLOCKS
    highest = max([_LEAST_SCALE, *(rate for rate in course if rate is not None)])
    last = len(blocks) - 1
    return "".join(
        " " if rate is None else blocks[round(rate / highest * last)] for rate in course
    )
