"""Kafka's hash over a column: the same numbers as one by one."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from streams.core import murmur2, murmur2_columns

# Few lengths, so that some are hashed together and others one by one.
texts = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.integers(0, 10**6).map(lambda number: f"{number:029d}"),
    st.integers(0, 10**6).map(lambda number: f"{number:032d}"),
)


@given(st.lists(texts, max_size=30), st.sampled_from([1, 20]), st.integers(0, 3))
def test_a_column_is_hashed_as_its_texts_are(
    wanted: list[str], times: int, skipped: int
) -> None:
    """Whatever the lengths, the order, and where the column begins in its buffers."""
    column = pa.array(["x" * 7] * skipped + wanted * times, pa.string()).slice(skipped)

    found = murmur2_columns.hashes(column)

    assert found.tolist() == [murmur2.hash_of(t.encode()) for t in wanted * times]
