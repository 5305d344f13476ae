"""The questions that make a view, and when each is asked again."""

from dataclasses import dataclass, field
from datetime import timedelta

from streams.monitor.watch.asking import Answer, Monitor, Parameters
from streams.monitor.watch.view import COURSE_WINDOW, View, view_of

MOST_LINES = 8
MINUTE = timedelta(minutes=1)
COURSE_PERIOD = "12h"
EARLIER = ("1d", "7d")
# The days before do not change within seconds, and are read from the table.
_EARLIER_SECONDS = 30.0
GROUPS = ("", "country", "error_code")


@dataclass(slots=True)
class Questions:
    """Asks a monitor what a view needs; keeps what need not be asked each time."""

    monitor: Monitor
    _earlier: dict[tuple[str, str], Answer] = field(default_factory=dict)
    _earlier_until: float = 0.0

    def ask(self, now: float) -> View:
        """Ask everything that is due.

        Args:
            now: Seconds of a clock that never steps back.

        Raises:
            NoAnswerError: The monitor does not answer.
        """
        if now >= self._earlier_until:
            self._earlier = {
                (by, ago): self.monitor.rates(_last_hour(by, ago))
                for by in GROUPS
                for ago in EARLIER
            }
            self._earlier_until = now + _EARLIER_SECONDS
        current = {by: self.monitor.rates(_last_hour(by)) for by in GROUPS}
        courses = {
            by: self.monitor.rates(_course(by, current[by]))
            for by in GROUPS
            if not by or current[by]["rows"]
        }
        return view_of(current, self._earlier, courses)


def _last_hour(by: str, compare: str | None = None) -> Parameters:
    asked = [("since", "1h")]
    if by:
        asked.append(("by", by))
    # What is compared may be of groups that are not among the largest now.
    if by and compare is None:
        asked.append(("top", str(MOST_LINES)))
    if compare is not None:
        asked.append(("compare", compare))
    return asked


def _course(by: str, current: Answer) -> Parameters:
    asked = [("since", COURSE_PERIOD), ("window", f"{COURSE_WINDOW // MINUTE}m")]
    if by:
        shown = [row[by] for row in current["rows"] if not row["is_other"]]
        asked.append(("by", by))
        asked += [(by, "" if value is None else str(value)) for value in shown]
    return asked
