"""Countries: phonenumbers' own answer, whatever was asked before."""

import random

import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.countries import _country_of_prefix, countries_of, country_of

SHARED_CODES = ("1", "7", "39", "44", "47", "61", "212", "262", "290", "358", "590")
MOBILE_PREFIXES = ("4474", "4475", "4477", "4478", "4479", "447911", "447457")
LONG_PREFIXES = ("1310", "1800", "3580", "3581", "3906", "618", "5905", "262", "44")


@pytest.mark.parametrize(
    ("number", "country"),
    [
        pytest.param("+12425551234", "BS", id="Bahamas"),
        pytest.param("+18765551234", "JM", id="Jamaica"),
        pytest.param("+17875551234", "PR", id="Puerto Rico"),
        pytest.param("+14165550123", "CA", id="Toronto"),
        pytest.param("+18005551234", "US", id="toll-free"),
        pytest.param("+18885551234", "US", id="another toll-free"),
        pytest.param("+15552223333", "US", id="no such area code"),
        pytest.param("+18760000000", "JM", id="not valid, but its prefix is"),
        pytest.param("+52345678903", "MX", id="too short for Mexico"),
        pytest.param("+447700000123", "GB", id="mobile beside Jersey's"),
        pytest.param("+447911123456", "GG", id="mobile of Guernsey"),
        pytest.param("+447457673358", "IM", id="mobile of Man"),
        pytest.param("+447700900123", "GB", id="Ofcom's example"),
        pytest.param("+441481960194", "GG", id="Guernsey"),
        pytest.param("+4414819601", "GG", id="too short for Guernsey"),
        pytest.param("+4416240000000000", "IM", id="too long for the Isle of Man"),
        pytest.param("+262639000", "YT", id="too short for Mayotte"),
        pytest.param("+131043180", "US", id="too short for Los Angeles"),
        pytest.param("+13104318", "CA", id="Canada's, and Los Angeles cut short"),
        pytest.param("+13101234567", "US", id="not valid in Los Angeles"),
        pytest.param("+44" + 400 * "1", "GB", id="far too long"),
        pytest.param("+77011234567", "KZ", id="Kazakhstan"),
        pytest.param("+79161234567", "RU", id="Russia"),
        pytest.param("+3834412345678", "XK", id="Kosovo"),
        pytest.param("+13101234", "CA", id="Canada's seven digits"),
        pytest.param("+13104318058", "US", id="Los Angeles"),
        pytest.param("15552223333", "US", id="without a plus"),
        pytest.param("12345", "ZZ", id="short code"),
        pytest.param("12345678", "ZZ", id="long short code"),
        pytest.param("Shop-24", "ZZ", id="alphanumeric"),
        pytest.param("+80012345678", "ZZ", id="no country: freephone"),
        pytest.param("+0123456789", "ZZ", id="no calling code"),
        pytest.param("+1", "US", id="calling code alone"),
        pytest.param("+39", "IT", id="another calling code alone"),
        pytest.param("+2", "ZZ", id="half a calling code"),
        pytest.param("123456789", "US", id="nine digits are a number"),
        pytest.param("+1234567890123x", "ZZ", id="digits and a letter"),
        pytest.param("+१५५५२२२३३३३", "ZZ", id="other digits"),
        pytest.param("+15552223333\n", "ZZ", id="line break"),
        pytest.param("++15552223333", "ZZ", id="two pluses"),
        pytest.param("+", "ZZ", id="plus alone"),
        pytest.param("", "ZZ", id="empty"),
        pytest.param(None, "ZZ", id="none"),
    ],
)
def test_country(number: str | None, country: str) -> None:
    """A number counts for the country it belongs to, valid or not."""
    assert country_of(number) == country
    assert countries_of(pa.array([number], pa.string())).to_pylist() == [country]


def _numbers(draw: random.Random) -> list[str]:
    """Return numbers of every region and type, and of each hard prefix."""
    candidates = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for number_type in range(11):
            example = phonenumbers.example_number_for_type(region, number_type)
            if example is None:
                continue
            national = phonenumbers.national_significant_number(example)
            for _ in range(2):
                kept = draw.randrange(len(national))
                digits = "".join(draw.choices("0123456789", k=len(national) - kept))
                candidates.append(f"+{example.country_code}{national[:kept]}{digits}")
    for prefix in (*SHARED_CODES, *LONG_PREFIXES, *MOBILE_PREFIXES):
        for _ in range(60):
            british = prefix in MOBILE_PREFIXES
            length = (12 if british else draw.randint(9, 13)) - len(prefix)
            candidates.append(
                f"+{prefix}" + "".join(draw.choices("0123456789", k=length))
            )
    return candidates


def _answer(number: str) -> str | None:
    """Return phonenumbers' country of the whole number; None if it knows none."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    region: str | None = phonenumbers.region_code_for_number(parsed)
    return "ZZ" if region == "001" else region


def test_memo_answers_as_phonenumbers_does() -> None:
    """No prefix is coarser than is right, over thousands of numbers everywhere."""
    numbers = _numbers(random.Random(20261124))  # noqa: S311 - test data

    theirs = {number: their for number in numbers if (their := _answer(number))}
    ours = countries_of(pa.array(list(theirs))).to_pylist()

    assert len(theirs) > 2_000
    assert {
        number: (our, their)
        for (number, their), our in zip(theirs.items(), ours, strict=True)
        if our != their
    } == {}


def test_country_does_not_depend_on_the_numbers_before() -> None:
    """Two workers that see numbers in another order count them alike."""
    numbers = _numbers(random.Random(1))[::20]  # noqa: S311 - test data

    forwards = countries_of(pa.array(numbers)).to_pylist()
    _country_of_prefix.cache_clear()
    backwards = countries_of(pa.array(numbers[::-1])).to_pylist()

    assert backwards[::-1] == forwards


@given(st.lists(st.none() | st.text(max_size=14) | st.from_regex(r"\+?[0-9]{1,14}")))
def test_columns_answer_as_single_numbers_do(numbers: list[str | None]) -> None:
    """The fast way over a column is the same rule."""
    column = pa.array(numbers, pa.string())

    assert countries_of(column).to_pylist() == [country_of(n) for n in numbers]
    assert countries_of(pa.chunked_array([column])).to_pylist() == [
        country_of(n) for n in numbers
    ]
