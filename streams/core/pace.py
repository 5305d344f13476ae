"""How often records are taken in and changed counts published: often is dear."""

# Of the time while a worker keeps up: what is new is seen at once.
SHARE = 0.25
# Of the worker's CPU while it is behind: what it publishes then is old anyway.
SHARE_WHEN_BEHIND = 0.03
LONGEST_SECONDS = 10.0
# A fetch of ten records costs the steps of one of a thousand: 5 ms.
GATHER_SECONDS = 0.05
MANY_RECORDS = 1_000


class Pace:
    """Says when changes may be published again, by what it cost the last time."""

    def __init__(self) -> None:
        """Begin with now."""
        self._cpu_due = self._wall_due = float("-inf")

    def is_due(self, cpu: float, wall: float) -> bool:
        """Tell whether changes may be published.

        Args:
            cpu: CPU time of the process so far, seconds.
            wall: Seconds of a clock that never steps back.
        """
        return cpu >= self._cpu_due or wall >= self._wall_due

    def note(self, spent: float, cpu: float, wall: float, *, is_behind: bool) -> None:
        """Note what a publication cost.

        Args:
            spent: CPU time of it, seconds.
            cpu: CPU time of the process when it was done.
            wall: The clock when it was done.
            is_behind: Records wait that are seconds old.
        """
        if is_behind:
            self._cpu_due = cpu + spent * (1 / SHARE_WHEN_BEHIND - 1)
            self._wall_due = wall + LONGEST_SECONDS
        else:
            self._cpu_due = float("inf")
            self._wall_due = wall + spent * (1 / SHARE - 1)


class Gathering:
    """Says how long to let records gather before the next are taken, while few come."""

    def __init__(self) -> None:
        """Begin with no wait."""
        self._due = float("-inf")

    def wait(self, wall: float) -> float:
        """Return for how many seconds to wait, 0.0 for not at all.

        Args:
            wall: Seconds of a clock that never steps back.
        """
        return max(0.0, self._due - wall)

    def note(self, records: int, wall: float) -> None:
        """Note what was taken.

        Args:
            records: How many; where they are many, more wait already.
            wall: The clock when they were.
        """
        is_few = records < MANY_RECORDS
        self._due = wall + GATHER_SECONDS if is_few else float("-inf")
