"""Outcomes: the type decides, the code only where the table says so."""

from itertools import pairwise

import duckdb
import pyarrow as pa
import pytest

from streams import reference
from streams.core.outcomes import ErrorCodes, Outcomes

OUTCOMES = Outcomes.from_rows(reference.table("outcomes"))
CODES = ErrorCodes.from_rows(
    reference.table("error_codes"),
    reference.table("error_code_ranges"),
    reference.table("smpp_codes"),
)


@pytest.mark.parametrize(
    ("event_type", "error_code", "outcome"),
    [
        pytest.param("message-delivered", None, "delivered", id="delivered"),
        pytest.param("message-delivered", 0, "delivered", id="delivered with a zero"),
        pytest.param("message-delivered", 9902, "delivered", id="the type decides"),
        pytest.param("message-failed", 4770, "failed", id="failed"),
        pytest.param("message-failed", None, "failed", id="failed without a code"),
        pytest.param("message-failed", 9902, "unknown", id="no receipt"),
        pytest.param("message-failed", 902, "unknown", id="no receipt, short code"),
        pytest.param("message-failed", 9999, "failed", id="a code nobody knows"),
        pytest.param("message-sending", None, "in_progress", id="sending"),
        pytest.param("message-sent", None, "in_progress", id="sent"),
        pytest.param("message-read", None, "read", id="read"),
        pytest.param("message-received", None, "inbound", id="received"),
        pytest.param("suggestion-response", None, "inbound", id="suggestion"),
        pytest.param("requested-location-response", None, "inbound", id="location"),
        pytest.param("message-queued", None, "other", id="withdrawn type"),
        pytest.param("message-teleported", 9902, "other", id="type of tomorrow"),
        pytest.param(None, 9902, "other", id="no type"),
    ],
)
def test_outcome(event_type: str | None, error_code: int | None, outcome: str) -> None:
    """One by one and in columns alike."""
    column = OUTCOMES.of(
        pa.array([event_type], pa.string()), pa.array([error_code], pa.int32())
    )

    assert OUTCOMES.outcome(event_type, error_code) == outcome
    assert column.to_pylist() == [outcome]


def test_columns_answer_as_single_callbacks_do() -> None:
    """Every type with every special code, in one column and in chunks."""
    types = [*OUTCOMES.by_type, "new", None]
    codes = [None, 0, 902, 4770, 9902]
    pairs = [(name, code) for name in types for code in codes]
    event_type = pa.array([name for name, _ in pairs], pa.string())
    error_code = pa.array([code for _, code in pairs], pa.int32())

    expected = [OUTCOMES.outcome(*pair) for pair in pairs]
    assert OUTCOMES.of(event_type, error_code).to_pylist() == expected
    assert (
        OUTCOMES.of(
            pa.chunked_array([event_type[:7], event_type[7:]]),
            pa.chunked_array([error_code[:9], error_code[9:]]),
        ).to_pylist()
        == expected
    )


@pytest.mark.parametrize(
    ("code", "name", "category", "is_known"),
    [
        pytest.param(
            4770, "destination-spam-detected", "carrier-client", True, id="known"
        ),
        pytest.param(
            770, "destination-spam-detected", "carrier-client", True, id="short"
        ),
        pytest.param(1, "service-not-allowed", "bandwidth-client", True, id="SMPP's 1"),
        pytest.param(995, "", "international", False, id="international"),
        pytest.param(999, "", "international", False, id="short for two codes"),
        pytest.param(4499, "", "bandwidth-client", False, id="Bandwidth's range"),
        pytest.param(4799, "", "carrier-client", False, id="the carriers' range"),
        pytest.param(5299, "", "bandwidth-service", False, id="Bandwidth's faults"),
        pytest.param(5699, "", "carrier-service", False, id="the carriers' faults"),
        pytest.param(9500, "", "ambiguous", False, id="ambiguous"),
        pytest.param(0, "", "unknown", False, id="zero"),
        pytest.param(-4770, "", "unknown", False, id="below zero"),
        pytest.param(2**31 - 1, "", "unknown", False, id="far out"),
    ],
)
def test_codes_are_described_and_never_refused(
    code: int,
    name: str,
    category: str,
    is_known: bool,  # noqa: FBT001
) -> None:
    """A known code by itself or its short form, any other by its range."""
    described = CODES.describe(code)

    assert (described.code, described.name) == (code, name)
    assert (described.category, described.is_known) == (category, is_known)
    assert described.meaning


def test_ranges_do_not_overlap() -> None:
    """A code has one class."""
    ranges = sorted((int(r["from_code"]), int(r["to_code"])) for r in CODES.ranges)

    assert all(low <= high for low, high in ranges)
    assert all(one[1] < other[0] for one, other in pairwise(ranges))


def test_every_documented_code_is_in_the_table_once() -> None:
    """82 current codes and 7 withdrawn ones."""
    rows = reference.table("error_codes")

    assert len({row["code"] for row in rows}) == len(rows) == 89
    assert sum(row["status"] == "current" for row in rows) == 82


def test_the_tables_read_alike_in_sql() -> None:
    """DuckDB's own reader sees the same rows as ours."""
    path = reference.shipped("sql") / "reference" / "outcomes.csv"

    with duckdb.connect() as connection:
        rows = connection.execute(
            "select * from read_csv(?, all_varchar = true)", [str(path)]
        ).fetchall()

    assert [tuple(v or "" for v in row) for row in rows] == [
        tuple(row.values()) for row in reference.table("outcomes")
    ]
