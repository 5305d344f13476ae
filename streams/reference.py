"""The files of ``sql/`` and ``notebooks/``, in a checkout and in a wheel alike."""

from csv import DictReader
from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """Return the folder ``name`` (``sql`` or ``notebooks``).

    A wheel carries it inside the package; a checkout has it beside the package.
    """
    inside = _PACKAGE / "shipped" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def table(name: str) -> list[dict[str, str]]:
    """Read the reference table ``sql/reference/<name>.csv``: one dict a row."""
    path = shipped("sql") / "reference" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(DictReader(file))
