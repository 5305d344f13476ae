"""Which files a table gained behind positions: read from its log, newest entry first.

Source:
    Delta transaction log protocol, "Delta Log Entries" and "Transaction Identifiers".
"""

from collections.abc import Mapping
from urllib.parse import unquote

import msgspec

from streams.archive.place import LOG, Place


def files_since(
    table: Place, version: int, places: Mapping[str, int]
) -> list[str] | None:
    """Return the files that hold every row behind the places given.

    Positions only rise: where an entry moves one to a place or less, every older entry
    has only rows below it.

    Args:
        table: Where the table lies.
        version: The table's version to begin with.
        places: Offset by name of the position, each below the position of the version.

    Returns:
        Paths relative to the table, of that version; None when an entry that is needed
        is not there any more.

    Raises:
        OSError: An entry cannot be read.
    """
    pending = dict(places)
    added: list[str] = []
    removed: set[str] = set()
    while pending and version >= 0:
        try:
            lines = table.read(f"{LOG}/{version:020d}.json").splitlines()
        except FileNotFoundError:
            return None
        found = [msgspec.json.decode(line, type=_Action) for line in lines]
        moves = {a.txn.name: a.txn.version for a in found if a.txn is not None}
        pending = {
            name: place
            for name, place in pending.items()
            if name not in moves or moves[name] > place
        }
        if not pending:
            break
        # Newer entries have been looked at: what they removed is not there any more.
        here = [unquote(a.add.path) for a in found if a.add is not None]
        added += [path for path in here if path not in removed]
        removed.update(unquote(a.remove.path) for a in found if a.remove is not None)
        version -= 1
    return added


class _Transaction(msgspec.Struct):
    name: str = msgspec.field(name="appId")
    version: int


class _File(msgspec.Struct):
    path: str


class _Action(msgspec.Struct):
    txn: _Transaction | None = None
    add: _File | None = None
    remove: _File | None = None
