"""What waits to be sent to one partition, and how it is gathered into a record."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from streams.topics import ElementLike, Record, record_of

GATHERED_BYTES = 256 << 10
# What is nested deeper than this goes alone: one array more around it could make a
# record too deep to read, and its neighbours would be lost to the reader with it.
SHALLOW_BRACKETS = 64


class Ticket:
    """One request's wait for all its records."""

    __slots__ = ("_open", "done")

    def __init__(self, parts: int) -> None:
        """Open a wait for so many parts."""
        self._open = parts
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def acknowledge(self) -> None:
        """Note that Kafka has one part more; end the wait with the last one."""
        self._open -= 1
        if self._open == 0 and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        """End the wait: one part could not be sent."""
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(frozen=True, slots=True)
class Part:
    """What one request has for one partition.

    Attributes:
        elements: Its elements for this partition, in their order.
        body: The whole body, where all of it goes to this partition: what is sent when
            nothing is gathered with it, so that the bytes stay as they came.
        ticket: The request's wait.
    """

    elements: Sequence[ElementLike]
    body: bytes | None
    ticket: Ticket

    @property
    def size(self) -> int:
        """Return its length in a record, bytes."""
        return sum(len(element.content) + 1 for element in self.elements)

    def may_join(self) -> bool:
        """Tell whether its elements can stand in one array with those of others."""
        return all(
            element.is_json
            and element.content.count(b"[") + element.content.count(b"{")
            <= SHALLOW_BRACKETS
            for element in self.elements
        )


class Lane:
    """Parts that wait for one partition, in the order they came."""

    __slots__ = ("partition", "sent_at", "task", "waiting")

    def __init__(self, partition: int) -> None:
        """Begin with nothing waiting and nothing in flight."""
        self.partition = partition
        self.waiting: deque[Part] = deque()
        self.sent_at: float | None = None
        self.task: asyncio.Task[None] | None = None

    def next_parts(self) -> list[Part]:
        """Take the parts of the next record; empty when nothing waits."""
        first = self._first()
        if first is None:
            return []
        parts = [self.waiting.popleft()]
        room = GATHERED_BYTES - first.size
        may_join = bool(self.waiting) and first.may_join()
        while may_join and (part := self._first()) is not None:
            room -= part.size
            may_join = room >= 0 and part.may_join()
            if may_join:
                parts.append(self.waiting.popleft())
        return parts

    def forget_answered(self) -> None:
        """Drop the parts at the head whose requests have been answered already."""
        while self.waiting and self.waiting[0].ticket.done.done():
            self.waiting.popleft()

    def _first(self) -> Part | None:
        self.forget_answered()
        return self.waiting[0] if self.waiting else None


def gathered(partition: int, parts: Sequence[Part]) -> Record:
    """Make one record of parts that :meth:`Lane.next_parts` gave together."""
    elements = [element for part in parts for element in part.elements]
    record = record_of(partition, elements)
    if len(parts) == 1 and parts[0].body is not None:
        return Record(partition, record.key, parts[0].body)
    return record
