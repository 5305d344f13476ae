"""Bytes of Kafka's answers, copied once and checked by the processor's own instruction.

asyncio gathers an answer in an array that grows by an eighth, and cuts it out twice: an
answer of eight megabytes is copied ten times. aiokafka checks the sums of batches with
a table, at a gigabyte a second. Both were a sixth of all that a worker did.
"""

from collections import deque
from struct import Struct
from typing import Any

import google_crc32c
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords

# Source: https://kafka.apache.org/documentation/#recordbatch
_LENGTH = Struct(">i")
_LENGTH_AT, _MAGIC_AT, _CHECKED_AT = 8, 16, 21
_BEFORE_LENGTH = _LENGTH_AT + _LENGTH.size
_FIRST_MAGIC_WITH_CRC32C = 2


class Pieces:
    """What a connection has received, as it came: what asyncio asks of its buffer."""

    def __init__(self, content: bytes = b"") -> None:
        """Begin with these bytes."""
        self._pieces = deque([content])
        self._length = len(content)

    def __len__(self) -> int:
        """Return how many bytes wait."""
        return self._length

    def __bytes__(self) -> bytes:
        """Return all that wait."""
        return b"".join(self._pieces)

    def __getitem__(self, place: slice) -> bytes:
        """Return the first ones, those up to ``place.stop``."""
        taken, left = [], place.stop
        for piece in self._pieces:
            taken.append(piece[:left] if left < len(piece) else piece)
            left -= len(taken[-1])
            if not left:
                break
        return b"".join(taken)

    def __delitem__(self, place: slice) -> None:
        """Let the first ones go, those up to ``place.stop``."""
        left = place.stop
        while left and left >= len(self._pieces[0]):
            left -= len(self._pieces.popleft())
        if left:
            self._pieces[0] = self._pieces[0][left:]
        self._length -= place.stop

    def extend(self, content: bytes) -> None:
        """Take in what came next."""
        self._pieces.append(bytes(content))
        self._length += len(content)

    def clear(self) -> None:
        """Let all of them go."""
        self._pieces.clear()
        self._length = 0


class CheckedRecords:
    """Batches of records of one partition, each checked as it is taken."""

    def __init__(self, content: bytes) -> None:
        """Take what Kafka sent of a partition."""
        self._records = MemoryRecords(content)
        self._content = content
        self._begin = 0

    def has_next(self) -> bool:
        """Tell whether another whole batch is there."""
        return bool(self._records.has_next())

    def size_in_bytes(self) -> int:
        """Return how much Kafka sent."""
        return len(self._content)

    def next_batch(self) -> Any:  # noqa: ANN401 - aiokafka's, of several formats
        """Return the next batch.

        Raises:
            CorruptRecordException: Its bytes are not those that its sum is of.
        """
        batch = self._records.next_batch()
        (length,) = _LENGTH.unpack_from(self._content, self._begin + _LENGTH_AT)
        end = self._begin + _BEFORE_LENGTH + length
        if self._content[self._begin + _MAGIC_AT] < _FIRST_MAGIC_WITH_CRC32C:
            is_whole = batch.validate_crc()
        else:
            checked = self._content[self._begin + _CHECKED_AT : end]
            is_whole = google_crc32c.value(checked) == batch.crc
        if not is_whole:
            raise CorruptRecordException(f"Invalid CRC {self._begin} bytes on")
        self._begin = end
        return batch


def receive_quickly(consumer: Any) -> None:  # noqa: ANN401 - aiokafka has no types
    """Let a consumer of aiokafka that was not started yet receive in this way."""
    fetcher.MemoryRecords = CheckedRecords
    consumer._check_crcs = False  # noqa: SLF001 - CheckedRecords has done it
    client = consumer._client  # noqa: SLF001
    connect = client._get_conn  # noqa: SLF001

    async def get_conn(*args: Any, **options: Any) -> Any:  # noqa: ANN401
        connection = await connect(*args, **options)
        reader = connection._reader if connection is not None else None  # noqa: SLF001
        if reader is not None and isinstance(reader._buffer, bytearray):  # noqa: SLF001
            reader._buffer = Pieces(bytes(reader._buffer))  # noqa: SLF001
        return connection

    client._get_conn = get_conn  # noqa: SLF001
