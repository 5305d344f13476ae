"""Keep a process small that runs for weeks: 30 to 60 MB that it never uses."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


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
    """Do not let Arrow load pandas, which charts need, at the first array it makes."""
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _Absent())
