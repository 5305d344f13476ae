"""Whether the worker can do its work, and what it says when it cannot."""

import asyncio
import logging
from dataclasses import dataclass
from time import monotonic

logger = logging.getLogger(__name__)

SAY_AGAIN_SECONDS = 60.0
WAITING = "partitions"


@dataclass(slots=True)
class _Problem:
    words: str
    since: float
    said: float


class Condition:
    """The problems that there are now, by name; each is said once a minute."""

    def __init__(self) -> None:
        """Begin as a worker without partitions."""
        self.fatal: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._problems: dict[str, _Problem] = {}
        self.waits_for_partitions()

    @property
    def problem(self) -> str | None:
        """Return why the worker cannot do its work now, or None."""
        found = [p.words for name, p in self._problems.items() if name != WAITING]
        if found:
            return found[0]
        waiting = self._problems.get(WAITING)
        return waiting.words if waiting else None

    def waits_for_partitions(self) -> None:
        """Note that it holds nothing; that is no error."""
        self._note(WAITING, "waiting for partitions")

    def cannot(self, name: str, words: str) -> None:
        """Note a problem, and say it when it is new or was not said for a minute.

        Args:
            name: What kind of problem: it lasts until :meth:`can` is called with it.
            words: What cannot be done and why, without a full stop.
        """
        problem = self._note(name, words)
        if monotonic() - problem.said >= SAY_AGAIN_SECONDS:
            problem.said = monotonic()
            logger.error("%s; trying again.", words)

    def can(self, *names: str) -> None:
        """Note that problems are over."""
        for name in names:
            problem = self._problems.pop(name, None)
            if problem is not None and problem.said > problem.since - 1:
                lasted = monotonic() - problem.since
                logger.info("Over after %.1f s: %s.", lasted, problem.words)

    def end(self, sentence: str) -> None:
        """End the worker; a fresh process begins from the tables."""
        self._note("fatal", sentence)
        if not self.fatal.done():
            self.fatal.set_result(sentence)

    def _note(self, name: str, words: str) -> _Problem:
        now = monotonic()
        new = _Problem(words, now, now - 2 * SAY_AGAIN_SECONDS)
        problem = self._problems.setdefault(name, new)
        problem.words = words
        return problem
