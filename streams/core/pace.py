"""How often changed counts are published, so that taking in is not slowed down."""

# Of the time while a worker keeps up: what is new is seen at once.
SHARE = 0.25
# Of the worker's CPU while it is behind: what it publishes then is old anyway.
SHARE_WHEN_BEHIND = 0.03
LONGEST_SECONDS = 10.0


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
