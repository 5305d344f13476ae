"""Where an archive lies: its tables, and what stays on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from streams.archive.place import Folder, Place
from streams.settings import ConfigurationError, Settings

CALLBACKS, WINDOW_COUNTS = "callbacks", "window_counts"
GAPS, SENT = "gaps", "sent"


@dataclass(frozen=True, slots=True)
class Site:
    """Where an archive lies.

    Attributes:
        data_dir: Folder of this machine: locks, segments of memory, and the tables
            where there is no store.
        store: Address of the tables in an object store, such as s3://bucket/prefix.
        options: The store's, by object_store's names; secrets are among them.
    """

    data_dir: Path
    store: str | None = None
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """Return how a person names it."""
        return self.store or str(self.data_dir)

    def absolute(self) -> "Site":
        """Return the same, whatever folder is the current one later."""
        return Site(self.data_dir.resolve(), self.store, self.options)

    def table(self, name: str) -> Place:
        """Return where a table lies."""
        if self.store is None:
            return Folder(self.data_dir / "archive" / name)
        # What it needs is imported only where there is a store.
        from streams.archive.bucket import Bucket  # noqa: PLC0415

        return Bucket(f"{self.store}/{name}", self.options)


# A folder has its tables in it.
Where = Path | Site


def of(settings: Settings) -> Site:
    """Return where the settings say that the archive lies."""
    return Site(settings.data_dir, settings.archive, settings.store_options())


def at(where: Where) -> Site:
    """Return where an archive lies that is named by a data folder, or more exactly."""
    return where if isinstance(where, Site) else Site(where)


def make_data_dir(settings: Settings) -> None:
    """Make the data folder, if it is not there.

    Raises:
        ConfigurationError: It cannot be made.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {settings.data_dir} cannot be made ({error.strerror}): "
            f"set --data-dir to another."
        ) from error
