"""Show the live rates until a person has seen enough."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from time import monotonic, sleep

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from streams import reference
from streams.monitor.watch import picture
from streams.monitor.watch.asking import Monitor, NoAnswerError
from streams.monitor.watch.questions import Questions
from streams.monitor.watch.view import View
from streams.settings import ConfigurationError

PICTURE_SECONDS, LINE_SECONDS = 1.0, 10.0
_WIDE = 116


def run(address: str, *, once: bool, console: Console | None = None) -> None:
    """Draw a monitor's rates once, or again and again until Ctrl-C.

    A terminal gets a picture that changes in place; a file or a pipe a line each ten
    seconds.

    Args:
        address: The monitor, host:port.
        once: Print one picture and end.
        console: Where to draw; standard output by default.

    Raises:
        ConfigurationError: No monitor answers the first time.
    """
    console = console or Console(highlight=False, soft_wrap=False)
    shown = _Shown(console)
    with closing(Monitor(address)) as monitor:
        questions = Questions(monitor)
        try:
            first = questions.ask(monotonic())
        except NoAnswerError as error:
            raise ConfigurationError(str(error)) from error
        if once:
            console.print(shown.picture(first))
        elif console.is_terminal:
            _in_place(console, questions, shown, first)
        else:
            _line_by_line(console, questions, shown, first)


class _Shown:
    """How a view looks, with the names that it needs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._countries = {
            row["country"]: row["name"] for row in reference.table("countries")
        }
        self._codes = {
            int(row["code"]): row["friendly"] for row in reference.table("error_codes")
        }

    def picture(self, view: View) -> RenderableType:
        return picture.draw(
            view,
            datetime.now(UTC),
            self._countries,
            self._codes,
            is_ascii=self._console.options.ascii_only,
            is_wide=self._console.width >= _WIDE,
        )

    def line(self, view: View) -> str:
        return picture.in_a_line(view, self._countries, self._codes)


def _in_place(
    console: Console, questions: Questions, shown: _Shown, first: View
) -> None:
    with _until_ctrl_c(), Live(console=console, screen=True) as live:
        live.update(shown.picture(first), refresh=True)
        for found in _again_and_again(questions, PICTURE_SECONDS):
            if isinstance(found, View):
                live.update(shown.picture(found), refresh=True)
            else:
                live.update(Text(found, style="bold red"), refresh=True)


def _line_by_line(
    console: Console, questions: Questions, shown: _Shown, first: View
) -> None:
    with _until_ctrl_c():
        console.print(shown.line(first), soft_wrap=True, markup=False)
        for found in _again_and_again(questions, LINE_SECONDS):
            words = shown.line(found) if isinstance(found, View) else found
            console.print(words, soft_wrap=True, markup=False)


def _again_and_again(questions: Questions, seconds: float) -> Iterator[View | str]:
    """Yield a view each so many seconds, or why there is none."""
    while True:
        sleep(seconds)
        try:
            yield questions.ask(monotonic())
        except NoAnswerError as error:
            yield str(error)


@contextmanager
def _until_ctrl_c() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        return
