"""Which files are summed by the day, and how what holds their sums is named."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from streams.archive.day_sums import Dated, months

FIRST = date(2026, 5, 30)


def _file(day: date, name: str) -> Dated:
    return Dated(f"committed_date={day}/{name}.parquet", day)


def _settled(day: date, number: int = 0) -> Dated:
    return _file(day, f"settled-r1-{number:05}-aa-c000.zstd")


FILES = st.lists(
    st.builds(
        lambda back, number, settled: (
            _settled(FIRST + timedelta(back), number)
            if settled
            else _file(FIRST + timedelta(back), f"part-{number}")
        ),
        st.integers(0, 40),
        st.integers(0, 3),
        st.booleans(),
    ),
    unique=True,
)


@given(FILES)
def test_only_whole_dates_are_summed(files: list[Dated]) -> None:
    """Each date all of whose files are settled, in its month, with all its files."""
    open_dates = {file.date for file in files if not file.is_settled}
    whole = {file.date for file in files} - open_dates
    found = months(files)

    assert sorted(day for month in found for day in month.dates) == sorted(whole)
    assert all(len({day.replace(day=1) for day in m.dates}) == 1 for m in found)
    for month in found:
        expected = {file.path for file in files if file.date in month.dates}
        assert (set(month.sources), len(month.sources)) == (expected, len(expected))


@given(FILES, st.randoms(use_true_random=False))
def test_the_name_stands_for_the_files(files: list[Dated], random: object) -> None:
    """In whatever order they come it is the same; of other files it is another."""
    shuffled = files.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = months(files)
    assert months(shuffled) == found

    names = {month.name for month in found}
    for month in found:
        fewer = [file for file in files if file.path != month.sources[0]]
        assert month.name not in {each.name for each in months(fewer)}
    assert len(names) == len(found)


def test_a_name_says_its_month() -> None:
    """A person who looks into the folder sees what is there."""
    [may, june] = months([_settled(FIRST), _settled(date(2026, 6, 1))])

    assert may.name.startswith("_day_sums/1-2026-05-")
    assert june.name.startswith("_day_sums/1-2026-06-")
