"""Taking back what was not on the disk when the power failed.

The last versions of a table may be torn then. They are moved aside, so that positions
go back and a worker reads the topic again from there. What is older is never touched.
"""

import shutil
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

import msgspec
from deltalake import DeltaTable

from streams.archive import durable, integrity, schema, syncing, transactions
from streams.archive.integrity import Damage
from streams.archive.place import Folder
from streams.core import lives


class UnrepairableError(Exception):
    """A table is damaged, and cannot be made whole; the message says which and why."""


class NotInTopicError(Exception):
    """What would be taken back cannot be read again: the topic has it no longer."""


class Repair:
    """Makes the tables of an archive whole; nobody else may use it meanwhile."""

    def __init__(self, data_dir: Path, now: datetime) -> None:
        """Repair nothing yet.

        Args:
            data_dir: The data folder.
            now: The current time, which names the folder of what is moved aside.
        """
        self.done: list[str] = []
        self._archive = data_dir / "archive"
        self._callbacks = schema.callbacks_path(data_dir)
        self._window_counts = schema.window_counts_path(data_dir)
        # What they hold is made again from the log, or imported again.
        self._further = (schema.gaps_path(data_dir), schema.sent_path(data_dir))
        self._aside = self._archive / "quarantine" / f"{now:%Y%m%dT%H%M%S}"

    def damage(self) -> Damage | None:
        """Return the first damage there is, or None."""
        found = (integrity.damage(table) for table in self._tables())
        return next((damage for damage in found if damage is not None), None)

    def _tables(self) -> Iterator[Path]:
        yield self._callbacks
        yield self._window_counts
        yield from self._further

    def is_needed(self) -> bool:
        """Tell whether anything has to be moved aside."""
        torn = any(integrity.torn_checkpoints(table) for table in self._tables())
        return torn or self.damage() is not None or bool(self._ahead())

    def repair(
        self, log_id: str, log_begins: Mapping[int, int], *, accept_loss: bool
    ) -> None:
        """Move aside what is torn; ``done`` then says what that was.

        Args:
            log_id: The log that Kafka has now.
            log_begins: By partition, the first offset that it still has.
            accept_loss: Take back also what Kafka no longer has.

        Raises:
            UnrepairableError: Something old is damaged.
            NotInTopicError: Kafka no longer has what would have to be read again.
        """
        for table in self._tables():
            self._without_torn_checkpoints(table)
        damage = self._checked(self._callbacks)
        if damage is not None:
            if not accept_loss:
                self._require_in_topic(damage, log_id, log_begins)
            self._take_back(damage.table, damage.version, str(damage))
            self._move(self._archive / "remembered")
        for table in (self._window_counts, *self._further):
            damage = self._checked(table)
            if damage is not None:
                self._take_back(table, damage.version, str(damage))
        self._take_counts_back()

    def _checked(self, table: Path) -> Damage | None:
        damage = integrity.damage(table)
        if damage is not None and not damage.is_new:
            raise UnrepairableError(
                f"{damage}: it was on the disk once, and no crash explains it. Restore "
                f"the archive from a backup"
            )
        return damage

    def _require_in_topic(
        self, damage: Damage, log_id: str, log_begins: Mapping[int, int]
    ) -> None:
        kept = _transactions(self._callbacks, damage.version - 1)
        life = lives.current(lives.of(kept), log_id)
        for partition, begin in sorted(log_begins.items()):
            position = 0 if life is None else life.position(partition)
            if position < begin:
                raise NotInTopicError(
                    f"{damage}. It would have to be archived again from offset "
                    f"{position} of partition {partition} on, and Kafka has deleted "
                    f"what is before {begin}"
                )

    def _without_torn_checkpoints(self, table: Path) -> None:
        for path in integrity.torn_checkpoints(table):
            self._move(path)
            self.done.append(f"{path} was torn; the log of the table has it all")

    def _take_back(self, table: Path, version: int, why: str) -> None:
        """Move versions aside, the newest first: interrupted, a prefix is left."""
        there = integrity.entries(table)
        for number in sorted((n for n in there if n >= version), reverse=True):
            entry = there[number]
            files = [table / path for path in _added(entry)]
            for part in integrity.checkpoints(table).get(number, []):
                self._move(part)
            self._move(entry)
            for file in files:
                self._move(file)
        for path in integrity.torn_checkpoints(table):
            self._move(path)  # the pointer, where it led to one of those
        with suppress(FileNotFoundError):
            if syncing.known_version(table) >= version:
                syncing.note_of(table).unlink()
        self.done.append(
            f"{why}: versions from {version} on of table {table.name} were moved to "
            f"{self._aside}"
        )

    def _take_counts_back(self) -> None:
        """Take counts back that are of records which are not archived any more."""
        ahead = self._ahead()
        if not ahead:
            return
        archived = _transactions(self._callbacks)

        def is_ahead(version: int) -> bool:
            if not self._can_read(version):
                return False
            return bool(_ahead(_transactions(self._window_counts, version), archived))

        # Positions only rise: to look at each of a thousand versions takes minutes.
        newest = DeltaTable(str(self._window_counts)).version()
        first = bisect_left(range(newest), True, key=is_ahead)  # noqa: FBT003
        if first > 0 and self._can_read(first - 1):
            self._take_back(
                self._window_counts,
                first,
                f"the counts of {', '.join(ahead)} were ahead of the callbacks",
            )
            return
        raise UnrepairableError(
            f"Table window_counts counts records of {', '.join(ahead)} that are not "
            f"archived, and its log does not reach back far enough. Move the folder "
            f"{self._window_counts} away: it is made again from the callbacks"
        )

    def _can_read(self, version: int) -> bool:
        older = [v for v in integrity.checkpoints(self._window_counts) if v <= version]
        begin = max(older, default=-1) + 1
        there = integrity.entries(self._window_counts)
        return all(number in there for number in range(begin, version + 1))

    def _ahead(self) -> list[str]:
        if not integrity.entries(self._window_counts):
            return []
        return _ahead(
            _transactions(self._window_counts), _transactions(self._callbacks)
        )

    def _move(self, path: Path) -> None:
        if not path.exists():
            return
        target = self._aside / path.relative_to(self._archive)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
        durable.sync([path.parent, target.parent])


def _transactions(table: Path, version: int | None = None) -> dict[str, int]:
    if not integrity.log_of(table).is_dir() or version == -1:
        return {}
    return transactions.read(Folder(table), version)


def _ahead(counted: Mapping[str, int], archived: Mapping[str, int]) -> list[str]:
    """Return the partitions whose counts are ahead, ``<log_id>/<partition>``."""
    return sorted(
        name
        for name, at in counted.items()
        if name.rpartition("/")[2].isdecimal() and at > archived.get(name, 0)
    )


def _added(entry: Path) -> Iterator[str]:
    """Yield the files that an entry adds, as far as it can be read."""
    for line in entry.read_bytes().splitlines():
        with suppress(msgspec.DecodeError, AttributeError, KeyError, TypeError):
            if added := msgspec.json.decode(line).get("add"):
                yield unquote(added["path"])
