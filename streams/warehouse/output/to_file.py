"""Rows → a file, in the form that its name ends with."""

from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from streams.settings import ConfigurationError
from streams.warehouse.output import as_csv, as_json, as_parquet
from streams.warehouse.rows import Rows

_TEXT = {".csv": as_csv.write, ".json": as_json.write}
ENDINGS = (*_TEXT, ".parquet")


def require_known(path: Path) -> None:
    """See that a file's ending is one that can be written.

    Raises:
        ConfigurationError: It is not.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ConfigurationError(
            f"--output {path} has no form: let its name end with {', '.join(ENDINGS)}."
        )


def write(rows: Rows, path: Path) -> None:
    """Write a file as a whole: who reads it sees the old one or the new one.

    Raises:
        ConfigurationError: It cannot be written, or its ending is not known.
    """
    require_known(path)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.unfinished")
    try:
        _write(rows, unfinished, path.suffix.lower())
        unfinished.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written ({error.strerror}): name a file in a folder "
            f"that can be."
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _write(rows: Rows, path: Path, ending: str) -> None:
    if ending in _TEXT:
        with path.open("w", encoding="utf-8", newline="") as file:
            _TEXT[ending](rows, file)
    else:
        with path.open("wb") as file:
            as_parquet.write(rows, file)
