"""Sender → sender type, by the patterns of ``sql/reference/sender_types.csv``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True, slots=True)
class SenderTypes:
    """The rule: the first pattern that matches the whole sender names its type.

    Attributes:
        patterns: Pattern and type in order. Arrow and DuckDB both read patterns by
            RE2, so that Python and SQL cannot differ.
    """

    patterns: Sequence[tuple[str, str]]

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, str]]) -> "SenderTypes":
        """Make the rule of rows with ``priority``, ``pattern``, ``sender_type``."""
        in_order = sorted(rows, key=lambda row: int(row["priority"]))
        return cls([(row["pattern"], row["sender_type"]) for row in in_order])

    def of(self, senders: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Return the type of each sender.

        Args:
            senders: N texts or nulls.

        Returns:
            N texts; null where there is no sender or no pattern matches.
        """
        flat = senders
        if isinstance(senders, pa.ChunkedArray):
            flat = senders.combine_chunks()
        encoded = pc.dictionary_encode(flat)
        types = self._of_unique(encoded.dictionary)
        return types.take(encoded.indices)

    def _of_unique(self, senders: pa.Array) -> pa.Array:
        found = pa.nulls(len(senders), pa.string())
        for pattern, sender_type in reversed(self.patterns):
            matches = pc.match_substring_regex(senders, rf"\A(?:{pattern})\z")
            found = pc.if_else(matches, sender_type, found)
        return found
