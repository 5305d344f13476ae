"""Keep a process small that runs for weeks."""

import ctypes
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# glibc's names of what mallopt sets, and values: its own limits would follow what was
# freed last. Source: https://man7.org/linux/man-pages/man3/mallopt.3.html
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_REUSED_BYTES = {_MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 256 << 20}
_HEAPS = 2


class _Absent(MetaPathFinder):
    """Says of a library that it is not installed."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Refuse the library; leave all others to the finders that follow."""
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError("this process does without pandas", name=fullname)
        return None


def do_without_pandas() -> None:
    """Do not let Arrow load pandas, which charts need, at the first array it makes.

    It takes 30 to 60 MB.
    """
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _Absent())


def reuse_memory() -> None:
    """Let all threads and Arrow take memory from the same heaps, and keep what is free.

    Columns that are made, joined and freed a hundred times a second would else lie in a
    heap for each thread and in one of Arrow's own, and be given back and asked for
    again: a fifth more memory at the peak, and more CPU time. To be called before Arrow
    is imported, which reads a variable then. Nothing is changed where the C library is
    not glibc.
    """
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        for name, value in {**_REUSED_BYTES, _ARENA_MAX: _HEAPS}.items():
            library.mallopt(name, value)
        # Source: https://arrow.apache.org/docs/cpp/env_vars.html
        library.setenv(b"ARROW_DEFAULT_MEMORY_POOL", b"system", 0)
