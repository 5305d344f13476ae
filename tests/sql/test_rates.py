"""The rate formulas in SQL give what the core gives."""

import pytest

from streams.core.rates import is_enough, wilson
from tests.sql.archive import Archive, warehouse

SIZES = (1, 2, 3, 7, 19, 20, 21, 100, 999, 12_345, 10**6, 10**9, 10**12)


def _samples() -> list[tuple[int, int]]:
    parts = (0.0, 1e-9, 0.001, 0.1, 1 / 3, 0.5, 0.9, 0.999999, 1.0)
    near = {(round(n * part), n) for n in SIZES for part in parts}
    return sorted(near | {(1, n) for n in SIZES} | {(n - 1, n) for n in SIZES})


def test_intervals_in_sql_equal_those_of_the_core(archive: Archive) -> None:
    """Both formulas agree from samples of one to a million millions."""
    samples = _samples()
    with warehouse(archive) as connection:
        found = connection.execute(
            "select wilson_low(s[1], s[2]), wilson_high(s[1], s[2])"
            " from (select unnest($samples) as s)",
            {"samples": [list(sample) for sample in samples]},
        ).fetchall()

    for (part, whole), interval in zip(samples, found, strict=True):
        assert interval == pytest.approx(wilson(part, whole), abs=1e-15, rel=1e-12)
        assert 0 <= interval[0] <= part / whole <= interval[1] <= 1


def test_empty_sample_has_no_interval_in_sql(archive: Archive) -> None:
    """Nothing finished: null, not 0, and no division by zero."""
    assert archive.rows("select wilson_low(0, 0), wilson_high(0, 0)") == [(None, None)]
    assert archive.rows("select wilson_low(null, null), is_enough(null)") == [
        (None, False)
    ]


def test_smallest_sample_in_sql_is_that_of_the_core(archive: Archive) -> None:
    """From the same size on a rate is shown."""
    found = archive.rows("select n, is_enough(n) from range(0, 100) as t(n)")

    assert found == [(n, is_enough(n)) for n in range(100)]
