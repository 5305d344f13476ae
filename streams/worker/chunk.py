"""What one fetch brought: a chunk of each partition that it brought something of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streams.core.positions import Span


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records of one partition, as many as one fetch brought.

    Attributes:
        partition: Kafka's partition number.
        span: The offsets the chunk stands for; see :class:`Span`.
        records: aiokafka's records, by rising offset; none where the span holds none.
        is_resumed: The connection to Kafka was another one shortly before: its log may
            have lost records since.
    """

    partition: int
    span: Span
    records: Sequence[Any]
    is_resumed: bool = False

    def since(self, position: int) -> "Chunk":
        """Return the chunk without the records below a position."""
        kept = [r for r in self.records if r.offset >= position]
        return Chunk(self.partition, Span(position, self.span.end), kept)


@dataclass(frozen=True, slots=True)
class Fetch:
    """What one fetch brought: the value of the one message that Faust makes of it.

    Attributes:
        chunks: One of each partition that something was fetched of; at least one.
    """

    chunks: Sequence[Chunk]
