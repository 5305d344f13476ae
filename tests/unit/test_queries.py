"""Headers of SQL files: what they say is read, and mistakes in them are named."""

import pytest

from streams.warehouse.queries import Column, HeaderError, Query, in_order, parse

HEADER = """\
-- view:     late
-- question: Which events came late,
--           and by how much?
-- grain:    one row per event
-- counts:   events
-- depends:  events, countries, variable clock
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
-- columns:
--   country | varchar | Where to; ZZ: cannot be told.
--   seconds | double  | How late, seconds.
-- notes:    Nothing is left out.
-- check:    unique country,
--           seconds
-- check:    seconds > 0

-- This comment is not of the header.
select 1
"""


def test_header_is_read() -> None:
    """Every key, texts over several lines, and the SQL with the header in it."""
    assert parse(HEADER) == Query(
        kind="view",
        name="late",
        question="Which events came late, and by how much?",
        grain="one row per event",
        counts="events",
        depends=("events", "countries", "variable clock"),
        params=("since", "until"),
        columns=(
            Column("country", "varchar", "Where to; ZZ: cannot be told."),
            Column("seconds", "double", "How late, seconds."),
        ),
        notes="Nothing is left out.",
        checks=("unique country, seconds", "seconds > 0"),
        sql=HEADER,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("select 1", "must begin with", id="no header"),
        pytest.param("-- depends: a\nselect 1", "must begin with", id="no kind"),
        pytest.param("-- view: a\n-- depends: b", "needs a question", id="no question"),
        pytest.param(
            "-- view: a\n-- question: b?", "needs a question", id="no depends"
        ),
        pytest.param(
            "-- view: a\n-- question: b?\n-- depends:\n-- colums:\n",
            "unknown keys",
            id="mistyped key",
        ),
        pytest.param(
            "-- view: a\n-- question: b?\n-- depends:\n-- columns:\n--   x | y",
            "a column is name",
            id="column without a meaning",
        ),
    ],
)
def test_wrong_header_is_refused(text: str, said: str) -> None:
    """A header that says too little or something unknown is a mistake in the file."""
    with pytest.raises(HeaderError, match=said):
        parse(text)


def _query(name: str, *depends: str) -> Query:
    return parse(f"-- view: {name}\n-- question: ?\n-- depends: {', '.join(depends)}\n")


def test_queries_come_after_what_they_read() -> None:
    """Whatever the order of the files, and whatever exists already."""
    late, early, first = (
        _query("b", "a"),
        _query("a", "c", "file x"),
        _query("c", "made"),
    )

    assert in_order([late, early, first], made=["made"]) == [first, early, late]


def test_missing_dependency_is_named() -> None:
    """A query that reads a view nobody makes cannot be loaded."""
    with pytest.raises(HeaderError, match="a depends on b, which is not there"):
        in_order([_query("a", "b")])


def test_circle_is_named() -> None:
    """Two views that read each other cannot be loaded."""
    with pytest.raises(HeaderError, match="depend on each other"):
        in_order([_query("a", "b"), _query("b", "a")])
