"""What a worker does, in figures: metrics of each partition, and a line a minute."""

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from time import monotonic

import pyarrow.compute as pc

from streams import telemetry
from streams.worker.partition import Cut, Partition

logger = logging.getLogger(__name__)

LINE_SECONDS = 60.0


class Measuring:
    """Keeps the metrics of the partitions held, and sums them up for the line."""

    def __init__(self) -> None:
        """Begin with no partition."""
        self._waiting_since: dict[int, float] = {}
        self._rows: dict[int, int] = {}
        self._sums = dict.fromkeys(("copies", "trimmed", "refused", "resets"), 0)
        self._commit_seconds = 0.0
        self._said_at = monotonic()

    def holds(self, partitions: Mapping[int, Partition]) -> None:
        """Show these partitions and no others: those of others are not ours to tell."""
        telemetry.forget_partitions()
        self._waiting_since.clear()
        self._rows = dict.fromkeys(partitions, 0)
        for number, partition in partitions.items():
            telemetry.POSITION.labels(str(number)).set(partition.archived)
            telemetry.TAKEN_IN.labels(str(number)).set(partition.position)
            age = telemetry.FLUSH_AGE.labels(str(number))
            age.set_function(partial(self.flush_age, number))

    def flush_age(self, number: int) -> float:
        """Return for how long the oldest row of a partition has waited, seconds."""
        since = self._waiting_since.get(number)
        return 0.0 if since is None else monotonic() - since

    def took_in(self, partition: Partition, trimmed: int) -> None:
        """Note that a chunk was taken in, without records that were there already."""
        number = partition.number
        telemetry.TAKEN_IN.labels(str(number)).set(partition.position)
        if partition.position > partition.archived:
            self._waiting_since.setdefault(number, monotonic())
        if trimmed:
            telemetry.TRIMMED.labels(str(number)).inc(trimmed)
            self._sums["trimmed"] += trimmed

    def archived(self, cut: Cut, began: float) -> None:
        """Note that rows are archived.

        Args:
            cut: The rows.
            began: When their commit began; rows taken in since wait still.
        """
        number, rows = cut.partition.number, len(cut.rows)
        copies = pc.sum(cut.rows["is_copy"]).as_py() or 0
        telemetry.ROWS.labels(str(number)).inc(rows)
        telemetry.COPIES.labels(str(number)).inc(copies)
        telemetry.POSITION.labels(str(number)).set(cut.partition.archived)
        self._rows[number] = self._rows.get(number, 0) + rows
        self._sums["copies"] += copies
        self._waiting_since.pop(number, None)
        if cut.partition.position > cut.partition.archived:
            self._waiting_since[number] = began

    def committed(self, table: str, result: str, seconds: float) -> None:
        """Note how a commit ended."""
        telemetry.COMMITS.labels(table, result).inc()
        if result == "done":
            telemetry.COMMIT_SECONDS.labels(table).observe(seconds)
            self._commit_seconds = max(self._commit_seconds, seconds)
        elif result == "refused":
            self._sums["refused"] += 1

    def reset(self, numbers: Iterable[int]) -> None:
        """Note that partitions are made again, because others have moved them."""
        for number in numbers:
            telemetry.RESETS.labels(str(number)).inc()
            self._sums["resets"] += 1

    def say(self, lag: Mapping[int, int], problem: str | None) -> None:
        """Log one line a minute; begin to sum up anew.

        Args:
            lag: Records that are not archived yet, by partition.
            problem: Why the worker cannot do its work now, or None.
        """
        seconds = monotonic() - self._said_at
        if seconds < LINE_SECONDS:
            return
        for number, rows in self._rows.items():
            telemetry.ROWS_A_SECOND.labels(str(number)).set(rows / seconds)
        logger.info(
            "%s: %d partitions, %.1f rows/s archived, %d records behind, oldest row "
            "waits %.1f s, longest commit %.2f s, %d copies, %d records trimmed, "
            "%d commits refused, %d resets.",
            problem or "Working",
            len(self._rows),
            sum(self._rows.values()) / seconds,
            sum(lag.values()),
            max(map(self.flush_age, self._rows), default=0.0),
            self._commit_seconds,
            *self._sums.values(),
        )
        self._rows = dict.fromkeys(self._rows, 0)
        self._sums = dict.fromkeys(self._sums, 0)
        self._commit_seconds, self._said_at = 0.0, monotonic()
