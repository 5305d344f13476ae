"""What is seen from time to time: that records flow, and that the log is the same."""

import asyncio
from collections.abc import Mapping

from streams.settings import ConfigurationError
from streams.topics import Log
from streams.worker.holding import Holding

STUCK_SECONDS = 60.0


class Watch:
    """Ends a worker that would go on for ever without doing its work."""

    def __init__(self, holding: Holding) -> None:
        """Watch what a worker holds."""
        self._holding = holding
        self._stuck: dict[int, tuple[int, float]] = {}
        self._looked = 0.0

    def look(self, ends: Mapping[int, int], now: float) -> None:
        """Give up when records wait in Kafka and none is taken in for a minute.

        Whatever is stuck then, a fresh process is not; nothing is lost by it. Time in
        which a partition was not held, or nobody looked, does not count.

        Args:
            ends: The offset of Kafka's next record, by partition held.
            now: Seconds of a clock that never steps back.
        """
        positions = self._holding.taken_in()
        if now - self._looked > STUCK_SECONDS:
            self.forget()
        self._looked = now
        self._stuck = {p: seen for p, seen in self._stuck.items() if p in ends}
        for number, end in ends.items():
            position = positions.get(number)
            if position is not None and end < position:
                self._holding.give_up(
                    f"Kafka's log of partition {number} ends at offset {end}, before "
                    f"the position {position} of this worker: Kafka has lost "
                    f"records. The worker ends; at its start it says what to do."
                )
                return
            if position is None or position >= end or self._holding.problem:
                self._stuck.pop(number, None)
            elif self._seconds_at(number, position, now) > STUCK_SECONDS:
                self._holding.give_up(
                    f"Partition {number} has records from offset {position} on that "
                    f"were not fetched for {STUCK_SECONDS:.0f} s: the worker ends and "
                    f"has to be started again."
                )
                return

    def forget(self) -> None:
        """Begin to watch anew: Kafka did not answer, nothing could be fetched."""
        self._stuck.clear()

    def _seconds_at(self, number: int, position: int, now: float) -> float:
        """Return for how long a partition has stood at its position."""
        before, since = self._stuck.get(number, (position, now))
        if before != position:
            since = now
        self._stuck[number] = (position, since)
        return now - since

    async def see_that_the_log_is(self, known: Log) -> None:
        """Give up when the topic is another one by now; a fresh process reads that.

        Args:
            known: The log that this worker was started for.
        """
        try:
            found = await asyncio.to_thread(self._holding.kafka.log)
        except ConfigurationError:  # it is away; that is said elsewhere
            return
        if found.log_id != known.log_id:
            self._holding.give_up(
                f"The topic was deleted and made again: its log is {found.log_id} now, "
                f"not {known.log_id}. The worker ends and has to be started again."
            )
