"""Type and error code → outcome, and what an error code means.

Both come from the reference tables in ``sql/reference``, which SQL reads too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

OTHER = "other"
ReferenceRow = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The rule: exactly this type and code, else this type with any code, else other.

    Attributes:
        by_type: Outcome by type, whatever the code.
        by_code: Outcome by type and code, where a code says more than the type.
    """

    by_type: Mapping[str, str]
    by_code: Mapping[tuple[str, int], str]

    @classmethod
    def from_rows(cls, rows: Iterable[ReferenceRow]) -> "Outcomes":
        """Make the rule of rows with ``event_type``, ``error_code``, ``outcome``."""
        by_type: dict[str, str] = {}
        by_code: dict[tuple[str, int], str] = {}
        for row in rows:
            if row["error_code"]:
                code = int(row["error_code"])
                by_code[row["event_type"], code] = row["outcome"]
            else:
                by_type[row["event_type"]] = row["outcome"]
        return cls(by_type, by_code)

    def outcome(self, event_type: str | None, error_code: int | None) -> str:
        """Return the outcome of one callback; unknown types are ``other``."""
        if event_type is None:
            return OTHER
        if error_code is not None and (event_type, error_code) in self.by_code:
            return self.by_code[event_type, error_code]
        return self.by_type.get(event_type, OTHER)

    def of(self, event_type: pa.Array, error_code: pa.Array) -> pa.Array:
        """Return the outcome of each callback.

        Args:
            event_type: N texts or nulls.
            error_code: N integers or nulls.

        Returns:
            N texts, none of them null.
        """
        encoded = pc.dictionary_encode(_flat(event_type))
        types: list[str | None] = encoded.dictionary.to_pylist()
        by_type = pa.array([self.outcome(name, None) for name in types], pa.string())
        found = pc.fill_null(by_type.take(encoded.indices), OTHER)
        for (name, code), outcome in self.by_code.items():
            here = pc.and_(pc.equal(event_type, name), pc.equal(error_code, code))
            found = pc.if_else(pc.fill_null(here, fill_value=False), outcome, found)
        return found


def _flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """What a code means.

    Attributes:
        code: The code as sent.
        name: Its slug in the provider's table; empty where it has none.
        meaning: One sentence for a person.
        category: Whose answer it is, e.g. ``carrier-client``.
        fault: Who can do something about it, e.g. ``sender-content``.
        retryable: Whether sending again may help, e.g. ``after-fix``.
        is_known: It is in the provider's table.
    """

    code: int
    name: str
    meaning: str
    category: str
    fault: str
    retryable: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class ErrorCodes:
    """The provider's table, its short codes, and the ranges that class the rest."""

    known: Mapping[int, ReferenceRow]
    smpp: Mapping[int, int]
    ranges: Sequence[ReferenceRow]

    @classmethod
    def from_rows(
        cls,
        error_codes: Iterable[ReferenceRow],
        ranges: Iterable[ReferenceRow],
        smpp: Iterable[ReferenceRow],
    ) -> "ErrorCodes":
        """Make it of the three reference tables about codes."""
        return cls(
            {int(row["code"]): row for row in error_codes},
            {int(row["smpp_code"]): int(row["code"]) for row in smpp},
            tuple(ranges),
        )

    def describe(self, code: int) -> ErrorClass:
        """Return what a code means: by itself, by its long form, else by its range."""
        row = self.known.get(self.smpp.get(code, code))
        if row is not None:
            return ErrorClass(
                code=code,
                name=row["name"],
                meaning=_meaning(row),
                category=row["category"],
                fault=row["fault"],
                retryable=row["retryable"],
                is_known=True,
            )
        return self._by_range(code)

    def _by_range(self, code: int) -> ErrorClass:
        for row in self.ranges:
            if int(row["from_code"]) <= code <= int(row["to_code"]):
                return ErrorClass(
                    code=code,
                    name="",
                    meaning=row["meaning"],
                    category=row["category"],
                    fault=row["fault"],
                    retryable=row["retryable"],
                    is_known=False,
                )
        return ErrorClass(
            code=code,
            name="",
            meaning="not in any table",
            category="unknown",
            fault="unknown",
            retryable="once",
            is_known=False,
        )


def _meaning(row: ReferenceRow) -> str:
    if row["status"].startswith("withdrawn"):
        return f"{row['friendly']} (code withdrawn)"
    return row["description"]
