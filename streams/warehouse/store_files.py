"""Files of an object store for DuckDB, whose own reader is fetched from the network."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fsspec import AbstractFileSystem

from streams.archive.bucket import Bucket
from streams.archive.place import Place
from streams.archive.stored_file import StoredFile

if TYPE_CHECKING:
    import duckdb

# Files of a table are written once: none changes.
_WRITTEN_AT = datetime(2000, 1, 1, tzinfo=UTC)


def register(connection: "duckdb.DuckDBPyConnection", places: Iterable[Place]) -> None:
    """Let a connection read the files of tables that lie in a store."""
    stored = [place for place in places if isinstance(place, Bucket)]
    connection.register_filesystem(StoreFiles(stored))


class StoreFiles(AbstractFileSystem):  # type: ignore[misc]
    """The files of some tables, read only.

    DuckDB asks it by address for the files that a snapshot names, and for no others.
    """

    cachable = False

    def __init__(self, places: Sequence[Bucket]) -> None:
        """Read the files of these tables, all in one store."""
        super().__init__()
        self._places = {f"{place.uri}/": place for place in places}
        self.protocol = places[0].uri.partition("://")[0]
        self._sizes: dict[str, int] = {}

    def open(self, path: str, mode: str = "rb", **_: object) -> StoredFile:
        """Open a file for reading.

        Raises:
            OSError: It is of no table of ours, or not there.
        """
        if mode != "rb":
            raise PermissionError(f"{path}: files of the archive are only read")
        for begin, place in self._places.items():
            if path.startswith(begin):
                file = place.open(path.removeprefix(begin))
                self._sizes[path] = file.size()
                return file
        raise FileNotFoundError(f"{path} is no file of the archive")

    def size(self, path: str) -> int:
        """Return the bytes of a file that was opened."""
        if path not in self._sizes:
            self.open(path).close()
        return self._sizes[path]

    def modified(self, path: str) -> datetime:
        """Return a time: the same for ever."""
        del path
        return _WRITTEN_AT

    def glob(self, path: str, **_: object) -> list[str]:
        """Return the path: a snapshot names files, not patterns."""
        return [path]

    def exists(self, path: str, **_: object) -> bool:
        """Tell whether it may be a file of ours; opening it says the rest."""
        return any(path.startswith(begin) for begin in self._places)

    def isfile(self, path: str) -> bool:
        """Tell whether it may be a file of ours."""
        return self.exists(path)

    def unstrip_protocol(self, name: str) -> str:
        """Return an address as it is."""
        return name
