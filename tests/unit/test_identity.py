"""Identity: what two callbacks must have in common to be one event."""

import pyarrow as pa
import pytest

from streams.core.identity import IDENTITY_COLUMNS, hashes


def rows(*identities: tuple[str | int | None, ...]) -> pa.Table:
    """Return rows with these identities: id, destination, type, channel, code."""
    columns = list(zip(*identities, strict=True))
    arrays = [pa.array(column, pa.string()) for column in columns[:4]]
    arrays.append(pa.array(columns[4], pa.int32()))
    return pa.table(arrays, names=list(IDENTITY_COLUMNS))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("m", "d", "t", None, 1), ("m", "d", "t", None, 2), id="code"),
        pytest.param(("m", "d", "t", None, 0), ("m", "d", "t", None, None), id="none"),
        pytest.param(("m", "d", "t", "", 1), ("m", "d", "t", None, 1), id="empty"),
        pytest.param(
            ("m", "d", "t", "SMS", 1), ("m", "d", "t", "RBM", 1), id="channel"
        ),
        pytest.param(
            ("ab", "c", "t", None, 1), ("a", "bc", "t", None, 1), id="borders"
        ),
        pytest.param(
            ("m:1", "d", "t", None, 1), ("m", "1:d", "t", None, 1), id="colon"
        ),
        pytest.param(
            ("m", None, "t", None, 1), ("m", "", "t", None, 1), id="no number"
        ),
    ],
)
def test_different_identities_have_different_hashes(
    one: tuple[str | int | None, ...], other: tuple[str | int | None, ...]
) -> None:
    """Each part counts, and no text can look like two parts."""
    first, second = hashes(rows(one, other))

    assert first != second


def test_hashes_never_change() -> None:
    """The memory is made again from archives that older versions wrote."""
    assert hashes(rows(("m", "+1", "message-failed", None, 9902))).tolist() == [
        3532801957366133186
    ]


def test_same_identity_in_other_batches_has_the_same_hash() -> None:
    """A hash is a function of the row alone."""
    row = ("m", "+1", "message-failed", "SMS", 4770)

    alone = hashes(rows(row))[0]
    assert hashes(rows(("x", None, None, None, None), row))[1] == alone
