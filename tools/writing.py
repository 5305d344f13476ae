"""Write a page that is made from the code, or say whether it is current."""

import sys
from pathlib import Path


def write_or_check(path: Path, text: str) -> int:
    """Write the page; with ``--check``, say whether it is current instead.

    Args:
        path: The page, in ``docs/``.
        text: What it has to say.

    Returns:
        Exit code: 1 when it was checked and is not current.
    """
    if "--check" in sys.argv[1:]:
        if path.read_text(encoding="utf-8") == text:
            return 0
        print(f"docs/{path.name} is not current: run `make docs`.", file=sys.stderr)
        return 1
    path.write_text(text, encoding="utf-8")
    print(f"Wrote {path}.")
    return 0
