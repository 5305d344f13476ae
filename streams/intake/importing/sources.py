"""Which files an import reads, and their bytes unpacked."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from streams.settings import ConfigurationError

STANDARD_INPUT = "-"

# A read of a packed stream that meets damage gives nothing: so not much at once.
_READ_BYTES = 64 << 10
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_FOREIGN = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ": "packed by xz",
    b"\x04\x22\x4d\x18": "packed by lz4",
    b"PAR1": "a Parquet file",
}
_MAGIC_BYTES = 5


class UnusableError(Exception):
    """A file cannot be read from here on; the message says why, without its name."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or standard input.

    Attributes:
        name: Its absolute path, by which its lines are named; ``-`` for standard input.
        path: Where it is; None for standard input.
        size: Bytes, packed as they are; None where nobody knows.
    """

    name: str
    path: Path | None
    size: int | None


def total(found: Sequence[Source]) -> int | None:
    """Return the bytes of all; None where nobody knows those of one."""
    sizes = [source.size for source in found]
    return None if None in sizes else sum(size or 0 for size in sizes)


@dataclass(slots=True)
class Opened:
    """A source that is being read.

    Attributes:
        packing: ``gzip``, ``zstd``, or None.
        read: Gives the next bytes, unpacked; empty at the end. Raises UnusableError.
        taken: Gives the bytes of the file read so far, packed as they are.
    """

    packing: str | None
    read: Callable[[], bytes]
    taken: Callable[[], int]


def find(paths: Sequence[str]) -> list[Source]:
    """Return the files that paths name: of a folder all, in the order of their names.

    Args:
        paths: Files, folders, or ``-`` for standard input.

    Raises:
        ConfigurationError: One is not there, or may not be read.
    """
    return [source for path in paths for source in _of_path(path)]


def _of_path(given: str) -> Iterator[Source]:
    if given == STANDARD_INPUT:
        yield Source(STANDARD_INPUT, None, None)
        return
    path = Path(os.path.abspath(given))  # noqa: PTH100 - Path.resolve follows links
    if not path.exists():
        raise ConfigurationError(
            f"{given} does not exist: name a file, a folder, or - for standard input."
        )
    if not path.is_dir():
        yield _source(path)
        return
    for found in sorted(path.rglob("*")):
        is_hidden = any(p.startswith(".") for p in found.relative_to(path).parts)
        if found.is_file() and not is_hidden:
            yield _source(found)


def _source(path: Path) -> Source:
    if not os.access(path, os.R_OK):
        raise ConfigurationError(f"{path} may not be read: allow it, or leave it out.")
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    return Source(name, path, path.stat().st_size if path.is_file() else None)


class _Raw:
    """A file's bytes as they are, counted; the first ones can be looked at first."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.taken = 0
        self.closed = False
        self._ahead = b""

    def look(self, count: int) -> bytes:
        while len(self._ahead) < count and (more := self._file.read(count)):
            self._ahead += more
        return self._ahead[:count]

    def read(self, count: int = _READ_BYTES) -> bytes:
        content, self._ahead = self._ahead or self._file.read(count), b""
        self.taken += len(content)
        return content

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


@contextmanager
def opened(source: Source) -> Iterator[Opened]:
    """Open a source.

    Raises:
        UnusableError: It cannot be opened, or is packed in a way that is not read.
    """
    with _errors_in_words():
        file = _open(source)
    with file:
        raw = _Raw(file)
        with _errors_in_words():
            start = raw.look(_MAGIC_BYTES)
        for magic, words in _FOREIGN.items():
            if start.startswith(magic):
                raise UnusableError(f"{words}: unpack it first")
        packing = next((n for m, n in _PACKED.items() if start.startswith(m)), None)
        yield Opened(packing, _reader(raw, packing), lambda: raw.taken)


def _open(source: Source) -> BinaryIO:
    if source.path is None:
        return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    return source.path.open("rb", buffering=0)


def _reader(raw: _Raw, packing: str | None) -> Callable[[], bytes]:
    stream = raw
    if packing is not None:
        stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), packing)

    def read() -> bytes:
        with _errors_in_words():
            return bytes(stream.read(_READ_BYTES))

    return read


@contextmanager
def _errors_in_words() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnusableError(f"cannot be read ({error.strerror or error})") from error
