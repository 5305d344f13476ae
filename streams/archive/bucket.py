"""A table in an object store: S3, and what speaks it.

delta-rs commits to it; other files are read by obstore, which is the same client under
the same options, and lets other threads run while it waits. A put that was answered is
safe: there is nothing to wait for.
"""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path

import obstore.store
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.exceptions import AlreadyExistsError, BaseError

from streams.archive import store_options
from streams.archive.place import LOG, Waiting
from streams.archive.stored_file import StoredFile
from streams.settings import ConfigurationError

_MOST_REMOVED_AT_ONCE = 1_000


class NothingToWaitFor:
    """What is in the store is safe."""

    knows_none = False

    def up_to(self, version: int, files: Iterable[str] = ()) -> None:
        """Return at once."""


class Bucket:
    """A table below a prefix of a bucket."""

    def __init__(self, uri: str, options: Mapping[str, str]) -> None:
        """Name the prefix; nothing is asked for yet.

        Args:
            uri: Such as s3://bucket/prefix/callbacks.
            options: The store's, by object_store's names.
        """
        self.uri = uri
        self.name = uri.rpartition("/")[2]
        self.options: dict[str, str] | None = {**store_options.DEFAULTS, **options}

    def __str__(self) -> str:
        """Return the address."""
        return self.uri

    @cached_property
    def _store(self) -> obstore.store.ObjectStore:
        config, client, retries = store_options.split(self.options or {})
        try:
            made: obstore.store.ObjectStore = obstore.store.from_url(  # type: ignore[call-overload]
                self.uri, config=config, client_options=client, retry_config=retries
            )
        except BaseError as error:
            raise ConfigurationError(
                f"Storage options cannot be used: {reason(str(error)).rstrip('.')}."
            ) from error
        return made

    def make(self) -> None:
        """Make nothing: a store has no folders."""

    def exists(self) -> bool:
        """Tell whether there is a table."""
        return bool(self.names(LOG))

    def waiting(self) -> Waiting:
        """Return what has nothing to wait for."""
        return NothingToWaitFor()

    def sync(self, names: Iterable[str]) -> None:
        """Return at once."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the files right in a folder."""
        with _errors_of_the_system():
            found = self._store.list_with_delimiter(folder or None)["objects"]
        names = (info["path"].rpartition("/")[2] for info in found)
        # Some stores have an object for each folder: one without a name of its own.
        return [name for name in names if name]

    def _below(self, folder: str) -> Iterator[str]:
        with _errors_of_the_system():
            for infos in self._store.list(folder or None):
                for info in infos:
                    yield info["path"]

    def read(self, name: str) -> bytes:
        """Read a small file."""
        with _errors_of_the_system():
            return bytes(self._store.get(name).bytes())

    def open(self, name: str) -> StoredFile:
        """Open a file for reading; what is read of it is fetched.

        Raises:
            FileNotFoundError: It is not there.
            OSError: It cannot be read.
        """
        with _errors_of_the_system():
            size = self._store.head(name)["size"]
        return StoredFile(lambda begin, end: self._range(name, begin, end), size)

    def _range(self, name: str, begin: int, end: int) -> bytes:
        with _errors_of_the_system():
            return bytes(self._store.get_range(name, start=begin, end=end))

    def parquet(self, name: str) -> pq.ParquetFile:
        """Open a Parquet file; only what is read of it is fetched."""
        return pq.ParquetFile(pa.PythonFile(self.open(name), "r"), pre_buffer=True)

    def opened_as(self, name: str) -> str:
        """Return a file's address."""
        return f"{self.uri}/{name}"

    def opened(self, uri: str) -> str:
        """Return a file's address."""
        return uri

    def missing(self, files: Sequence[str]) -> list[str]:
        """Return those files that are not there; one request for a thousand."""
        there = set(map(self.opened_as, self._below("")))
        return [file for file in files if file not in there]

    def size(self, name: str) -> int:
        """Return a file's bytes; 0 where it is not."""
        try:
            with _errors_of_the_system():
                return int(self._store.head(name)["size"])
        except FileNotFoundError:
            return 0

    def written_at(self, name: str) -> datetime | None:
        """Return when a file was written; None where it is not."""
        try:
            with _errors_of_the_system():
                found: datetime = self._store.head(name)["last_modified"]
        except FileNotFoundError:
            return None
        return found

    def put(self, name: str, file: Path) -> None:
        """Copy a file in; a store has all of it, or nothing."""
        with _errors_of_the_system():
            self._store.put(name, file)

    def move_in(self, moves: Mapping[str, str]) -> None:
        """Give files other names: each is copied within the store, then removed."""
        with _errors_of_the_system():
            for old, new in moves.items():
                self._store.rename(old, new)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""
        found = list(names)
        with _errors_of_the_system():
            for begin in range(0, len(found), _MOST_REMOVED_AT_ONCE):
                self._store.delete(found[begin : begin + _MOST_REMOVED_AT_ONCE])

    def remove_folder(self, folder: str) -> None:
        """Remove all files below a prefix."""
        self.remove(self._below(folder))

    def refuses_a_second_put(self) -> bool:
        """Put a new file twice, as a commit is put; tell whether that is refused.

        Raises:
            OSError: It cannot be put at all.
        """
        name = uuid.uuid4().hex
        with _errors_of_the_system():
            try:
                for _ in range(2):
                    self._store.put(name, b"once", mode="create")
            except AlreadyExistsError:
                return True
            finally:
                self._store.delete(name)
        return False

    def reason(self, error: Exception) -> str:
        """Say why something failed, on one line.

        A store answers with a page of XML; an address may have a signature in it.
        """
        return reason(str(error))


@contextmanager
def _errors_of_the_system() -> Iterator[None]:
    """Let what the store cannot do fail as it would on a disk."""
    try:
        yield
    except BaseError as error:
        raise OSError(reason(str(error))) from error


_ANSWER = re.compile(
    r"<Code>(?P<code>.*?)</Code>.*?<Message>(?P<text>.*?)</Message>", re.DOTALL
)
_SENT = re.compile(r"(https?://[^\s?)]*)\?[^\s)]*")
# Colours, and the arrow by which one cause leads to the next.
_DRAWN = re.compile("\x1b\\[\\d*m|\N{DOWNWARDS ARROW WITH TIP RIGHTWARDS}")
_DETAILS = "\n\nDebug source:"


def reason(said: str) -> str:
    """Return what matters of an error of object_store."""
    answer = _ANSWER.search(said)
    if answer:
        return f"the store answers {answer['code']}: {answer['text'].rstrip('.')}"
    shown, _, _ = _DRAWN.sub("", said).partition(_DETAILS)
    return " ".join(_SENT.sub(r"\1", shown).split())
