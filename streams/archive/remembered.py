"""One file of identities that entered a partition's memory: a part of what it holds.

A segment says what entered between two positions of a log. It follows from the log
alone, whoever writes it, and is only ever used up to the position of table callbacks:
it spares the reading of rows, and is no second truth.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

import msgspec
import numpy as np
import xxhash

from streams.core.identity import HASH_VERSION, Hashes

# Another cluster that shares the archive for a move is long the current one by then.
ENDED_SECONDS = 14 * 24 * 3_600.0
_FORMAT = 1
_SUFFIX = ".hashes"
_LONGEST_HEADER = 1 << 16
_LITTLE = np.dtype("<u8")


class UnusableSegmentError(Exception):
    """A file is damaged, of another version, or not what its name says."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What entered a partition's memory between two positions of its log.

    Attributes:
        begin: First position; 0 when it has everything that is held at the end, also
            what entered before the log began.
        end: The position it leads to.
        log_time_us: The log's time at the end, microseconds.
        counts: How many identities entered, by generation.
        path: Its file.
    """

    begin: int
    end: int
    log_time_us: int
    counts: Mapping[int, int]
    path: Path

    def __len__(self) -> int:
        """Return how many identities it has."""
        return sum(self.counts.values())


class _Part(msgspec.Struct):
    generation: int
    count: int
    checksum: int


class _Header(msgspec.Struct):
    format: int
    hash: int
    log_id: str
    partition: int
    begin: int
    end: int
    log_time_us: int
    parts: list[_Part]


def folder(data_dir: Path, log_id: str, partition: int) -> Path:
    """Return where the segments of a partition are."""
    return _logs(data_dir) / log_id / str(partition)


def _logs(data_dir: Path) -> Path:
    return data_dir / "archive" / "remembered"


def remove_ended(data_dir: Path, log_id: str, now: float) -> list[str]:
    """Remove the segments of logs that have ended: other ones, long unwritten.

    A log that comes back all the same is read from the table.

    Args:
        data_dir: The data folder.
        log_id: The current log, whose segments stay.
        now: Seconds since 1970.

    Returns:
        The names of the logs; what cannot be removed is left for the next time.
    """
    ended = []
    for log in sorted(_logs(data_dir).glob("*")):
        if log.name != log_id and now - _written_at(log) > ENDED_SECONDS:
            shutil.rmtree(log, ignore_errors=True)
            ended.append(log.name)
    return ended


def _written_at(log: Path) -> float:
    """Return when a folder or something in it was changed last, seconds since 1970."""
    times = []
    for path in (log, *log.rglob("*")):
        with suppress(FileNotFoundError):
            times.append(path.stat().st_mtime)
    return max(times, default=0.0)


def places(where: Path) -> list[tuple[int, int]]:
    """Return begin and end of each segment in a folder, by the names of its files."""
    found = []
    for path in where.glob(f"*-*{_SUFFIX}"):
        begin, _, end = path.name.removesuffix(_SUFFIX).partition("-")
        if begin.isdecimal() and end.isdecimal():
            found.append((int(begin), int(end)))
    return sorted(found)


def path_of(where: Path, begin: int, end: int) -> Path:
    """Return the file of a segment."""
    return where / f"{begin}-{end}{_SUFFIX}"


def write(
    where: Path, log_id: str, segment: Segment, parts: Mapping[int, Iterable[Hashes]]
) -> None:
    """Write a segment to its path; it is there whole, and on the disk, or not at all.

    Args:
        where: The partition's folder; its name is the partition's number.
        log_id: The log that its positions belong to.
        segment: What it is; ``counts`` agree with the parts.
        parts: By generation, hashes in any order.

    Raises:
        OSError: It cannot be written.
    """
    where.mkdir(parents=True, exist_ok=True)
    arrays = {g: _joined(hashes) for g, hashes in parts.items()}
    header = _Header(
        _FORMAT,
        HASH_VERSION,
        log_id,
        int(where.name),
        segment.begin,
        segment.end,
        segment.log_time_us,
        [_Part(g, len(found), _checksum(found)) for g, found in arrays.items()],
    )
    file = NamedTemporaryFile(dir=where, prefix=".writing-", delete=False)  # noqa: SIM115 - closed before it is renamed
    try:
        with file:
            text = msgspec.json.encode(header)
            file.write(b"%016x %b\n" % (xxhash.xxh3_64_intdigest(text), text))
            for found in arrays.values():
                file.write(found.data)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(segment.path)
    except BaseException:
        with suppress(OSError):
            Path(file.name).unlink()
        raise
    descriptor = os.open(where, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _joined(hashes: Iterable[Hashes]) -> Hashes:
    return np.concatenate([np.empty(0, np.uint64), *hashes]).astype(_LITTLE, copy=False)


def _checksum(hashes: Hashes) -> int:
    return int(xxhash.xxh3_64_intdigest(hashes.data))


def read(
    path: Path, log_id: str, is_wanted: Callable[[int], bool]
) -> tuple[Segment, dict[int, Hashes]]:
    """Read a segment.

    Args:
        path: Its file, in the folder of its partition.
        log_id: The log that its positions must belong to.
        is_wanted: Tells which generations to read.

    Returns:
        What it is, and the hashes of the generations wanted.

    Raises:
        UnusableSegmentError: It is not whole, or not what is looked for.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        header = _read_header(file)
        expected = (_FORMAT, HASH_VERSION, log_id, path.parent.name, path.name)
        name = path_of(path.parent, header.begin, header.end).name
        found = (header.format, header.hash, header.log_id, str(header.partition), name)
        if found != expected:
            raise UnusableSegmentError(f"it is {found}, not {expected}")
        parts = {}
        for part in header.parts:
            size = part.count * _LITTLE.itemsize
            if not is_wanted(part.generation):
                file.seek(size, os.SEEK_CUR)
                continue
            hashes = np.fromfile(file, _LITTLE, part.count)
            if len(hashes) != part.count or _checksum(hashes) != part.checksum:
                raise UnusableSegmentError("its checksum is wrong")
            parts[part.generation] = hashes.astype(np.uint64, copy=False)
    counts = {part.generation: part.count for part in header.parts}
    segment = Segment(header.begin, header.end, header.log_time_us, counts, path)
    return segment, parts


def _read_header(file: BinaryIO) -> _Header:
    checksum, _, text = file.readline(_LONGEST_HEADER).rstrip(b"\n").partition(b" ")
    if checksum != b"%016x" % xxhash.xxh3_64_intdigest(text):
        raise UnusableSegmentError("its header is damaged")
    try:
        return msgspec.json.decode(text, type=_Header)
    except msgspec.DecodeError as error:
        raise UnusableSegmentError(f"its header is of another form: {error}") from error
