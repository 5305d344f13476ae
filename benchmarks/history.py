"""An archive of many callbacks, made of Arrow columns; it goes on where it was.

Every file is as upkeep leaves it: neighbours in time, sorted by place in the log.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streams import reference
from streams.archive import schema, table, upkeep
from streams.core import windows
from streams.core.outcomes import Outcomes
from streams.core.positions import transaction_id
from streams.core.senders import SenderTypes
from streams.warehouse import maintain_counts, maintain_sums

LOG = "benchmark"
PARTITIONS = 8
BEGIN = date(2026, 1, 1)
MOST_ROWS_A_FILE = 500_000
_BYTES_A_ROW = 45  # counts, and room for the two files that are being written
_DAY_US = 86_400_000_000
_BASE36 = np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz", np.uint8)
_DIGITS = np.frombuffer(b"0123456789", np.uint8)

Numbers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

# (prefix, country, share): most traffic is domestic, with a long tail.
_PLACES = (
    ("+1206", "US", 0.34),
    ("+1212", "US", 0.30),
    ("+1305", "US", 0.22),
    ("+1416", "CA", 0.06),
    ("+1876", "JM", 0.01),
    ("+4479", "GB", 0.03),
    ("+5215", "MX", 0.02),
    ("+5511", "BR", 0.01),
    ("+9198", "IN", 0.01),
)
_CARRIERS = (("Verizon", 0.34), ("AT&T", 0.3), ("TMobile", 0.28), (None, 0.08))
_APPLICATIONS = (("orders", 0.8), ("codes", 0.15), ("campaign", 0.05))
_SENDERS = (("+12065550100", 0.7), ("+18335550102", 0.2), ("72345", 0.1))
_TAGS = (("order-confirmation", 0.6), ("one-time-code", 0.3), (None, 0.1))
# Type and code; what failed is described as the provider does.
_KINDS = (
    ("message-delivered", None, "Message delivered to carrier.", 0.93),
    ("message-failed", 4770, "destination-spam-detected", 0.02),
    ("message-failed", 4720, "destination-carrier-unreachable", 0.02),
    ("message-failed", 4432, "forbidden-to-country", 0.01),
    ("message-failed", 9902, "delivery-receipt-expired", 0.02),
)


@dataclass(frozen=True, slots=True)
class History:
    """How much there shall be.

    Attributes:
        data_dir: The data folder of it.
        rows: Callbacks in all.
        days: Over how many days they are spread.
    """

    data_dir: Path
    rows: int
    days: int

    @property
    def files(self) -> int:
        """Return how many files a day has."""
        return max(1, -(-self.rows // self.days // MOST_ROWS_A_FILE))

    @property
    def rows_a_file(self) -> int:
        """Return how many rows a file has; the same from each partition."""
        return self.rows // self.days // self.files // PARTITIONS * PARTITIONS


def fill(history: History) -> Iterator[int]:
    """Write what is not there yet; yield the rows that are there, file by file."""
    callbacks = table.callbacks(history.data_dir)
    counts = table.window_counts(history.data_dir)
    each = history.rows_a_file // PARTITIONS
    for number in range(history.days * history.files):
        begin, end = number * each, (number + 1) * each
        rows = None
        if callbacks.position(LOG, 0) < end:
            rows = _rows(history, number)
            callbacks.commit(rows, _moved(begin), _moved(end))
        if counts.position(LOG, 0) < end:
            increments = _increments(rows or _rows(history, number), begin, end)
            counts.commit(increments, _moved(begin), _moved(end))
        yield (number + 1) * history.rows_a_file


def settle(history: History) -> Iterator[int]:
    """Give counts the names and the sums that upkeep gives; yield dates that are done.

    They are one row a cell as they are: counting them again would change nothing.
    """
    counts = upkeep.window_counts(history.data_dir)
    prefix = maintain_counts.settled_prefix()
    files = groupby(counts.files(), key=lambda file: file.date)
    for number, (_, of_date) in enumerate(files, start=1):
        old = [file for file in of_date if not file.name.startswith(prefix)]
        if old:
            counts.replace(old, counts.read(old), prefix)
        yield number
    for month, sources in maintain_sums.missing(counts):
        maintain_sums.write(counts, month, sources)


def require_room(history: History) -> None:
    """Refuse to fill the disk.

    Raises:
        SystemExit: There is less room than twice what is written.
    """
    history.data_dir.mkdir(parents=True, exist_ok=True)
    needed = 2 * history.rows * _BYTES_A_ROW  # the sorted Parquet file is as large
    free = shutil.disk_usage(history.data_dir).free
    if free < 2 * needed:
        raise SystemExit(
            f"{history.rows:,} callbacks need about {needed >> 20:,} MiB of disk, "
            f"twice that has to be free, and {free >> 20:,} MiB are: give --rows or "
            f"another --data-dir."
        )


def _moved(position: int) -> dict[str, int]:
    return {transaction_id(LOG, p): position for p in range(PARTITIONS)}


def _rows(history: History, number: int) -> pa.Table:
    """Make the rows of one file, the same ones whenever it is made."""
    draw = np.random.default_rng(number)
    count = history.rows_a_file
    day, part = divmod(number, history.files)
    received = date_of(day)
    begin_us = int(datetime(*received.timetuple()[:3], tzinfo=UTC).timestamp()) * 10**6
    span = _DAY_US // history.files
    # Half of the traffic comes in a few minutes: campaigns, alarms, full hours.
    peaks = draw.choice(span // 60_000_000, max(1, span // 600_000_000), replace=False)
    bursts = draw.choice(peaks, count // 2) * 60_000_000
    bursts += draw.integers(0, 60_000_000, count // 2)
    sent = np.concatenate([bursts, draw.integers(0, span, count - count // 2)])
    sent.sort()
    sent += begin_us + part * span
    event = np.minimum(
        sent + (draw.exponential(4e6, count)).astype(np.int64), begin_us + _DAY_US - 1
    )
    received_us = np.minimum(
        event + draw.integers(1, 500_000, count), begin_us + _DAY_US - 1
    )
    place = _drawn(draw, [share for *_, share in _PLACES], count)
    kind = _drawn(draw, [share for *_, share in _KINDS], count)
    # Rising times in each partition, partition after partition.
    order = np.concatenate([np.arange(p, count, PARTITIONS) for p in range(PARTITIONS)])
    each = count // PARTITIONS
    columns = {
        "log_id": pa.repeat(pa.scalar(LOG), count),
        "kafka_partition": np.repeat(np.arange(PARTITIONS, dtype=np.int32), each),
        "kafka_offset": np.tile(
            np.arange(number * each, (number + 1) * each), PARTITIONS
        ),
        "kafka_index": np.zeros(count, np.int32),
        "source": pa.repeat(pa.scalar("http"), count),
        "received_at": _times(received_us[order]),
        "received_date": pa.repeat(pa.scalar(received, pa.date32()), count),
        "event_type": _taken([k[0] for k in _KINDS], kind[order]),
        "event_time": _times(event[order]),
        "error_code": _taken([k[1] for k in _KINDS], kind[order], pa.int32()),
        "description": _taken([k[2] for k in _KINDS], kind[order]),
        "carrier_name": _one_of(draw, _CARRIERS, count),
        "destination": _destinations(draw, place[order]),
        "destination_country": _taken([p[1] for p in _PLACES], place[order]),
        "message_id": _message_ids(draw, sent[order]),
        "message_time": _times(sent[order] // 1_000 * 1_000),
        "direction": pa.repeat(pa.scalar("out"), count),
        "sender": _one_of(draw, _SENDERS, count),
        "application_id": _one_of(draw, _APPLICATIONS, count),
        "tag": _one_of(draw, _TAGS, count),
        "channel": pa.repeat(pa.scalar("SMS"), count),
        "segment_count": pa.repeat(pa.scalar(1, pa.int32()), count),
        "is_copy": pa.array(draw.random(count) < 0.001),
    }
    return pa.table(
        [
            pa.array(columns[field.name], field.type)
            if field.name in columns
            else pa.nulls(count, field.type)
            for field in schema.CALLBACKS
        ],
        schema=schema.CALLBACKS,
    )


def date_of(day: int) -> date:
    """Return the date of a day of the history, from 0."""
    return BEGIN + timedelta(days=day)


def _drawn(draw: np.random.Generator, shares: list[float], count: int) -> Numbers:
    bounds = np.cumsum(shares)
    return np.searchsorted(bounds / bounds[-1], draw.random(count), side="right")


def _one_of(
    draw: np.random.Generator, of: tuple[tuple[str | None, float], ...], count: int
) -> pa.Array:
    chosen = _drawn(draw, [share for _, share in of], count)
    return _taken([value for value, _ in of], chosen)


def _taken(
    values: list[str | None] | list[int | None] | list[str],
    places: Numbers,
    of: pa.DataType = pa.string(),  # noqa: B008 - a value
) -> pa.Array:
    return pa.array(values, of).take(pa.array(places))


def _times(us: Numbers) -> pa.Array:
    return pa.array(us).cast(schema.UTC_MICROSECONDS)


def _message_ids(draw: np.random.Generator, sent_us: Numbers) -> pa.Array:
    """Make ids as the provider does: milliseconds and 16 random characters."""
    count = len(sent_us)
    text = np.empty((count, 29), np.uint8)
    left = sent_us // 1_000
    for place in range(12, -1, -1):
        text[:, place] = _DIGITS[left % 10]
        left = left // 10
    text[:, 13:] = _BASE36[draw.integers(0, 36, (count, 16))]
    return _strings(text)


def _destinations(draw: np.random.Generator, place: Numbers) -> pa.Array:
    prefixes = np.array([np.frombuffer(p.encode(), np.uint8) for p, *_ in _PLACES])
    numbers = _DIGITS[draw.integers(0, 10, (len(place), 7))]
    return _strings(np.concatenate([prefixes[place], numbers], axis=1))


def _strings(text: Bytes) -> pa.Array:
    """Take rows of bytes, all as long, as strings."""
    count, length = text.shape
    offsets = np.arange(0, (count + 1) * length, length, dtype=np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text))]
    return pa.Array.from_buffers(pa.string(), count, buffers)


def _increments(rows: pa.Table, begin: int, end: int) -> pa.Table:
    """Count a file's rows by the worker's own rule, partition by partition."""
    outcomes = Outcomes.from_rows(reference.table("outcomes"))
    sender_types = SenderTypes.from_rows(reference.table("sender_types"))
    found = []
    for partition in range(PARTITIONS):
        mine = rows.filter(pc.equal(rows["kafka_partition"], partition))
        cells = windows.count(mine, outcomes, sender_types)
        places = {
            "log_id": LOG,
            "kafka_partition": partition,
            "from_position": begin,
            "to_position": end,
            "committed_date": rows["received_date"][0].as_py(),
            "rules_version": schema.RULES_VERSION,
        }
        columns = [
            cells[field.name]
            if field.name in cells.column_names
            else pa.repeat(pa.scalar(places[field.name], field.type), len(cells))
            for field in schema.WINDOW_COUNTS
        ]
        found.append(pa.table(columns, schema=schema.WINDOW_COUNTS))
    return pa.concat_tables(found).sort_by("window_start")
