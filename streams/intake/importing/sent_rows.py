"""Rows of table sent, gathered until they are worth a commit."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from streams.archive import schema
from streams.core.countries import countries_of
from streams.core.sent import Message
from streams.intake.importing.sent_log import Record

# A commit of so many rows takes about 100 MB and a second.
MOST_ROWS = 100_000
MOST_RAW_BYTES = 16 << 20
# Enough to see what is wrong.
LONGEST_RAW_BYTES = 64 << 10
_COUNTRY = "destination_country"


class Batch:
    """Rows that wait for a commit."""

    def __init__(self, now: datetime) -> None:
        """Begin without rows.

        Args:
            now: When they are imported, with a zone.
        """
        self._now = now.astimezone(UTC)
        self._columns: dict[str, list[Any]] = {}
        self._raw_bytes = 0
        self._begin()

    def _begin(self) -> None:
        self._columns = {name: [] for name in schema.SENT.names if name != _COUNTRY}
        self._raw_bytes = 0

    @property
    def is_full(self) -> bool:
        """Tell whether it is worth a commit."""
        rows = len(self._columns["line"])
        return rows >= MOST_ROWS or self._raw_bytes >= MOST_RAW_BYTES

    def add(self, file: str, line: int, message: Message) -> None:
        """Add a message, a row for each number it was sent to."""
        for destination in message.destinations:
            self._append(
                message_id=message.message_id,
                destination=destination,
                sent_at=message.sent_at,
                sent_date=message.sent_at.date(),
                sender=message.sender,
                application_id=message.application_id,
                file=file,
                line=line,
            )

    def add_unreadable(self, file: str, record: Record, problem: str) -> None:
        """Add a line that cannot be read, with its bytes; its date is that of now."""
        raw = record.raw.rstrip(b"\r")[:LONGEST_RAW_BYTES]
        self._raw_bytes += len(raw)
        self._append(
            sent_date=self._now.date(),
            file=file,
            line=record.line,
            problem=problem,
            raw=raw,
        )

    def _append(self, **values: object) -> None:
        for name, column in self._columns.items():
            column.append(values.get(name))

    def take(self) -> pa.Table:
        """Return the rows in the table's schema, and begin anew."""
        columns = self._columns
        columns["imported_at"] = [self._now] * len(columns["line"])
        arrays = {
            name: pa.array(values, schema.SENT.field(name).type)
            for name, values in columns.items()
        }
        arrays[_COUNTRY] = countries_of(arrays["destination"])
        self._begin()
        return pa.table([arrays[n] for n in schema.SENT.names], schema=schema.SENT)
