"""The demo's traffic, read, archived and counted by the program's own rules."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tools import demo_archive


def archive(data_dir: Path, bodies: Sequence[bytes], received_at: datetime) -> None:
    """Archive bodies as the records of one partition, all received at one time."""
    milliseconds = int(received_at.timestamp() * 1_000)
    records = [
        demo_archive.Record(offset, milliseconds, body)
        for offset, body in enumerate(bodies)
    ]
    demo_archive.archive(data_dir, records, received_at.date())
