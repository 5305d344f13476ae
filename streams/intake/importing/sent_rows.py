"""Rows of table sent, gathered until they are worth a commit."""

from datetime import UTC, datetime

import pyarrow as pa

from streams.archive import schema
from streams.core.countries import countries_of
from streams.core.sent import Message
from streams.intake.importing.sent_log import Record

# Many enough for few commits; they take about 50 MB.
MOST_ROWS = 50_000
MOST_RAW_BYTES = 16 << 20
# Enough to see what is wrong.
LONGEST_RAW_BYTES = 64 << 10
_COUNTRY, _IMPORTED = "destination_country", "imported_at"
_GIVEN = tuple(n for n in schema.SENT.names if n not in {_COUNTRY, _IMPORTED})


class Batch:
    """Rows that wait for a commit."""

    def __init__(self, now: datetime) -> None:
        """Begin without rows.

        Args:
            now: When they are imported, with a zone.
        """
        self._now = now.astimezone(UTC)
        self._rows: list[tuple[object, ...]] = []
        self._raw_bytes = 0

    @property
    def is_full(self) -> bool:
        """Tell whether it is worth a commit."""
        return len(self._rows) >= MOST_ROWS or self._raw_bytes >= MOST_RAW_BYTES

    def add(self, file: str, line: int, message: Message) -> None:
        """Add a message, a row for each number it was sent to."""
        for destination in message.destinations:
            self._rows.append(
                (
                    message.message_id,
                    destination,
                    message.sent_at,
                    message.sent_at.date(),
                    message.sender,
                    message.application_id,
                    file,
                    line,
                    None,
                    None,
                )
            )

    def add_unreadable(self, file: str, record: Record, problem: str) -> None:
        """Add a line that cannot be read, with its bytes; its date is that of now."""
        raw = record.raw.rstrip(b"\r")[:LONGEST_RAW_BYTES]
        self._raw_bytes += len(raw)
        nothing = (None, None, None, self._now.date(), None, None)
        self._rows.append((*nothing, file, record.line, problem, raw))

    def take(self) -> pa.Table:
        """Return the rows in the table's schema, and begin anew."""
        rows, self._rows, self._raw_bytes = self._rows, [], 0
        values = zip(*rows, strict=True) if rows else [()] * len(_GIVEN)
        arrays = {
            name: pa.array(column, schema.SENT.field(name).type)
            for name, column in zip(_GIVEN, values, strict=True)
        }
        arrays[_COUNTRY] = countries_of(arrays["destination"])
        now = pa.scalar(self._now, schema.UTC_MICROSECONDS)
        arrays[_IMPORTED] = pa.repeat(now, len(rows))
        return pa.table([arrays[n] for n in schema.SENT.names], schema=schema.SENT)
