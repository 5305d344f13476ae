"""Outcomes and error codes: Python and SQL read the same tables to the same effect."""

import pyarrow as pa
import pytest

from streams import reference
from streams.core.outcomes import ErrorCodes, Outcomes
from streams.warehouse import connect
from tests.sql.archive import Archive, callback, cell

OUTCOMES = Outcomes.from_rows(reference.table("outcomes"))
ERROR_CODES = ErrorCodes.from_rows(
    reference.table("error_codes"),
    reference.table("error_code_ranges"),
    reference.table("smpp_codes"),
)
TYPES = [
    *OUTCOMES.by_type,
    "message-queued",
    "message-teleported",
    "",
    "MESSAGE-FAILED",
]
CODES: list[int | None] = [None, -9902, *range(10_001), 2**31 - 1]


def test_every_type_with_every_code_has_one_outcome(archive: Archive) -> None:
    """The view events says what the worker counts, one by one and in columns."""
    pairs = [(event_type, code) for event_type in TYPES for code in CODES]
    archive.add_callbacks([callback(0)])
    asked = pa.table(
        {
            "number": range(len(pairs)),
            "event_type": [event_type for event_type, _ in pairs],
            "error_code": pa.array([code for _, code in pairs], pa.int32()),
        }
    )
    with connect(archive.data_dir) as connection:
        connection.register("asked", asked)
        # The view's own SQL over these pairs: it reads whatever is called callbacks.
        connection.execute(
            "create or replace view callbacks as "
            "select stored.* replace (asked.event_type as event_type, "
            "asked.error_code as error_code, asked.number as kafka_offset) "
            "from stored_callbacks as stored cross join asked"
        )
        in_sql = connection.sql(
            "select outcome from events order by kafka_offset"
        ).to_arrow_table()["outcome"]

    in_columns = OUTCOMES.of(asked["event_type"], asked["error_code"]).to_pylist()

    assert in_sql.to_pylist() == in_columns
    assert in_columns == [OUTCOMES.outcome(*pair) for pair in pairs]


def test_every_code_has_one_meaning(archive: Archive) -> None:
    """The mart error_code_meanings says of each code seen what Python says."""
    codes = [code for code in CODES if code is not None]
    archive.add_counts([cell(1, error_code=code, outcome="failed") for code in codes])

    in_sql = archive.rows(
        "select error_code, coalesce(name, ''), meaning, category, fault, retryable, "
        "known_by in ('table', 'smpp') from error_code_meanings order by error_code"
    )

    assert in_sql == [
        (c.code, c.name, c.meaning, c.category, c.fault, c.retryable, c.is_known)
        for c in map(ERROR_CODES.describe, sorted(codes))
    ]


@pytest.mark.parametrize("known", sorted(ERROR_CODES.known))
def test_range_of_a_known_code_has_its_category(known: int) -> None:
    """A code that is not in the table yet is classed as its neighbours are."""
    by_range = ErrorCodes({}, {}, ERROR_CODES.ranges).describe(known)

    assert by_range.category == ERROR_CODES.describe(known).category
