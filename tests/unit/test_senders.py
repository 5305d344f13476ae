"""Senders: which type, by patterns that DuckDB reads in the same way."""

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import reference
from streams.core.senders import SenderTypes

RULE = SenderTypes.from_rows(reference.table("sender_types"))


@pytest.mark.parametrize(
    ("sender", "sender_type"),
    [
        pytest.param("+18005551234", "toll_free", id="800"),
        pytest.param("18335551234", "toll_free", id="833 without a plus"),
        pytest.param("+18185551234", "long_code", id="818 is Los Angeles"),
        pytest.param("+15551234567", "long_code", id="local number"),
        pytest.param("+447911123456", "long_code", id="abroad"),
        pytest.param("12345", "short_code", id="short code"),
        pytest.param("1234", "short_code", id="four digits"),
        pytest.param("Shop-24", "alphanumeric", id="name"),
        pytest.param("Shop12345", "alphanumeric", id="name that ends as a short code"),
        pytest.param("12345Shop", "alphanumeric", id="name that begins as one"),
        pytest.param("12345\n", "alphanumeric", id="short code and a line break"),
        pytest.param("a\nb", "alphanumeric", id="line break"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="none"),
    ],
)
def test_sender_type(sender: str | None, sender_type: str | None) -> None:
    """The first pattern that matches the whole sender names its type."""
    assert RULE.of(pa.array([sender], pa.string())).to_pylist() == [sender_type]


@settings(max_examples=30)  # each opens a DuckDB and tries many senders
@given(
    st.lists(
        st.none()
        | st.text(max_size=12)
        | st.from_regex(r"\A\+?[0-9]{1,12}\n?\Z")
        | st.text(st.sampled_from("0१+\n\0a"), max_size=6),
        max_size=30,
    )
)
def test_python_and_sql_agree(senders: list[str | None]) -> None:
    """Both engines read the patterns alike, whatever the text."""
    cases = " ".join(
        f"when regexp_full_match(sender, '{pattern}') then '{sender_type}'"
        for pattern, sender_type in RULE.patterns
    )
    column = pa.array(senders, pa.string())
    table = pa.table({"place": range(len(senders)), "sender": column})

    with duckdb.connect() as connection:
        connection.register("senders", table)
        rows = connection.execute(
            f"select case {cases} end from senders order by place"
        ).fetchall()

    assert RULE.of(column).to_pylist() == [row[0] for row in rows]
    assert RULE.of(pa.chunked_array([column])).to_pylist() == [row[0] for row in rows]
