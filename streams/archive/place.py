"""Where a table lies: a folder of a disk, or a store; how its files are read there."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import pyarrow.parquet as pq

from streams.archive import durable
from streams.archive.syncing import Synced

LOG = "_delta_log"


class Waiting(Protocol):
    """Waits until versions of a table are safe."""

    @property
    def knows_none(self) -> bool:
        """Tell whether nobody has waited for any version yet."""

    def up_to(self, version: int, files: Iterable[str] = ()) -> None:
        """Wait until a version, all before it, and further files are safe."""


class Place(Protocol):
    """Where one table lies; names of files are relative to it, folders with ``/``."""

    @property
    def uri(self) -> str:
        """Return what delta-rs opens."""

    @property
    def name(self) -> str:
        """Return the table's name."""

    @property
    def options(self) -> dict[str, str] | None:
        """Return delta-rs's storage options; None on a disk."""

    def make(self) -> None:
        """Make the folder, where there has to be one."""

    def exists(self) -> bool:
        """Tell whether there may be a table."""

    def waiting(self) -> Waiting:
        """Return what waits until a version is safe."""

    def sync(self, names: Iterable[str]) -> None:
        """Wait until files and folders are safe."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the files right in a folder; none where it is not."""

    def read(self, name: str) -> bytes:
        """Read a small file.

        Raises:
            FileNotFoundError: It is not there.
            OSError: It cannot be read.
        """

    def parquet(self, name: str) -> pq.ParquetFile:
        """Open a Parquet file; ParquetFile, since pyarrow.dataset takes 41 MB more."""

    def opened_as(self, name: str) -> str:
        """Return by what name DuckDB opens a file."""

    def opened(self, uri: str) -> str:
        """Return by what name DuckDB opens a file, by delta-rs's name of it."""

    def missing(self, files: Sequence[str]) -> list[str]:
        """Return those files, by the names that DuckDB opens, that are not there."""

    def size(self, name: str) -> int:
        """Return a file's bytes; 0 where it is not."""

    def written_at(self, name: str) -> datetime | None:
        """Return when a file was written; None where it is not."""

    def put(self, name: str, file: Path) -> None:
        """Copy a file of this machine in; it is there as a whole, or not at all."""

    def move_in(self, moves: Mapping[str, str]) -> None:
        """Give files other names, and wait until they are safe there."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there need not be."""

    def remove_folder(self, folder: str) -> None:
        """Remove a folder with all that is in it, as far as that can be done."""

    def reason(self, error: Exception) -> str:
        """Say why something failed, on one line."""


class Folder:
    """A table in a folder of a disk."""

    options: dict[str, str] | None = None

    def __init__(self, path: Path) -> None:
        """Name the folder; it need not be there."""
        self.path = path
        self.uri = str(path)
        self.name = path.name
        self._absolute = path.resolve()

    def __str__(self) -> str:
        """Return the path."""
        return self.uri

    def make(self) -> None:
        """Make the folder."""
        self.path.mkdir(parents=True, exist_ok=True)

    def exists(self) -> bool:
        """Tell whether there may be a table."""
        return (self.path / LOG).is_dir()

    def waiting(self) -> Waiting:
        """Return what waits for the disk."""
        return Synced(self.path)

    def sync(self, names: Iterable[str]) -> None:
        """Wait until files and folders are on the disk."""
        durable.sync(self.path / name for name in names)

    def names(self, folder: str) -> list[str]:
        """Return the names of what is right in a folder; none where it is not."""
        try:
            return [path.name for path in (self.path / folder).iterdir()]
        except FileNotFoundError:
            return []

    def read(self, name: str) -> bytes:
        """Read a small file."""
        return (self.path / name).read_bytes()

    def parquet(self, name: str) -> pq.ParquetFile:
        """Open a Parquet file."""
        return pq.ParquetFile(self.path / name)

    def opened_as(self, name: str) -> str:
        """Return a file's path."""
        return str(self._absolute / name)

    def opened(self, uri: str) -> str:
        """Return a file's path; delta-rs writes blanks as %20."""
        return unquote(urlsplit(uri).path)

    def missing(self, files: Sequence[str]) -> list[str]:
        """Return those files that are not there."""
        return [file for file in files if not Path(file).is_file()]

    def size(self, name: str) -> int:
        """Return a file's bytes; 0 where it is not."""
        try:
            return (self.path / name).stat().st_size
        except FileNotFoundError:
            return 0

    def written_at(self, name: str) -> datetime | None:
        """Return when a file was written; None where it is not."""
        try:
            seconds = (self.path / name).stat().st_mtime
        except FileNotFoundError:
            return None
        return datetime.fromtimestamp(seconds, UTC)

    def put(self, name: str, file: Path) -> None:
        """Copy a file in under another name, and rename it when it is on the disk."""
        unfinished = f"{name}.part"
        (self.path / unfinished).parent.mkdir(exist_ok=True)
        shutil.copyfile(file, self.path / unfinished)
        self.move_in({unfinished: name})

    def move_in(self, moves: Mapping[str, str]) -> None:
        """Rename files; they are on the disk before and after it."""
        durable.sync(self.path / old for old in moves)
        targets = {old: self.path / new for old, new in moves.items()}
        for old, target in targets.items():
            target.parent.mkdir(exist_ok=True)
            (self.path / old).rename(target)
        durable.sync({target.parent for target in targets.values()} | {self.path})

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def remove_folder(self, folder: str) -> None:
        """Remove a folder with all that is in it, as far as that can be done."""
        shutil.rmtree(self.path / folder, ignore_errors=True)

    def reason(self, error: Exception) -> str:
        """Say why something failed."""
        return str(error)
