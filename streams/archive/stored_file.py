"""A file of an object store as Python's files are read: each read is one request."""

import io
from collections.abc import Callable


class StoredFile(io.RawIOBase):
    """Reads parts of a file that never changes."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        """Begin at its beginning.

        Args:
            fetch: Returns the bytes from one place up to another.
            size: How many bytes it has.
        """
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read from any place."""
        return True

    def size(self) -> int:
        """Return how many bytes it has."""
        return self._size

    def tell(self) -> int:
        """Return the place of the next read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Read from another place next."""
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}
        self._at = max(0, begin[whence] + offset)
        return self._at

    def read(self, count: int | None = -1) -> bytes:
        """Read so many bytes, fewer at the end; all that are left when negative."""
        left = max(0, self._size - self._at)
        wanted = left if count is None or count < 0 else min(count, left)
        if not wanted:
            return b""
        found = self._fetch(self._at, self._at + wanted)
        self._at += len(found)
        return found
