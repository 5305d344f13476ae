"""Number → ISO 3166 country, as phonenumbers has it, remembered by prefix.

The rule is a function of the number alone, never of the numbers seen before: two
workers that see numbers in another order still agree. Most calling codes belong to one
country. Of a shared one the prefix is completed with digits drawn from the prefix
itself, and the country of most valid completions has it; a prefix without a valid
completion counts for the calling code's main country.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import PhoneMetadata

UNKNOWN = "ZZ"

_NUMBER = re.compile(r"(\+?)([0-9]+)")
# Without a plus, fewer digits are a short code.
_SHORTEST_BARE_NUMBER = 9
# No plan has longer numbers: all that are longer are alike.
_LONGEST_NUMBER = 20
_LONGEST_CALLING_CODE = 3
_NOT_GEOGRAPHIC = "001"

_PREFIX_DIGITS = 4
# Calling codes within which four digits, calling code included, are not enough;
# found by comparing all numbers of a prefix over samples of each shared code.
_LONGER_PREFIXES = {
    "1310": 6,
    "1800": 6,
    "44": 7,
    "3580": 6,
    "3581": 6,
    "3906": 7,
    "262": 7,
    "618": 8,
    "5905": 8,
}
_COMPLETIONS = 40
# So many valid completions of one country, and none of another, settle it.
_UNANIMOUS = 8
_PREFIXES_REMEMBERED = 1 << 15


def country_of(number: str | None) -> str:
    """Return the country a number belongs to.

    Args:
        number: E.164, with or without its plus (then nine digits at least); anything.

    Returns:
        ISO 3166 alpha-2 (or XK, AC, TA); ``ZZ`` for what is no number of a country:
        short codes, alphanumeric senders, non-geographic calling codes, None.
    """
    match = _NUMBER.fullmatch(number) if number else None
    if match is None:
        return UNKNOWN
    plus, digits = match.groups()
    if not plus and len(digits) < _SHORTEST_BARE_NUMBER:
        return UNKNOWN
    length = _prefix_length(digits)
    return _country_of_prefix(digits[:length], _length_that_counts(length, len(digits)))


def countries_of(numbers: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return the country of each number, as :func:`country_of` does.

    Args:
        numbers: N texts or nulls.

    Returns:
        N texts, none of them null.
    """
    flat = numbers
    if isinstance(numbers, pa.ChunkedArray):
        flat = numbers.combine_chunks()
    digits = pc.utf8_slice_codeunits(flat, 1)
    is_plain = pc.and_(pc.starts_with(flat, "+"), pc.ascii_is_decimal(digits))
    encoded = pc.dictionary_encode(pc.utf8_slice_codeunits(flat, 1, _PREFIX_DIGITS + 1))
    prefixes = encoded.dictionary.to_pylist()
    by_prefix = pa.array([*map(_of_short_prefix, prefixes)], pa.string())
    found = pc.if_else(is_plain, by_prefix.take(encoded.indices), None)
    if found.null_count == 0:
        return found
    lengths = [_prefix_length(prefix) for prefix in prefixes]
    by_prefix = pa.array(lengths, pa.int64())
    decisive = pc.if_else(is_plain, by_prefix.take(encoded.indices), None)
    return _with_the_rest(found, flat, decisive, set(lengths) - {_PREFIX_DIGITS})


@lru_cache(maxsize=_PREFIXES_REMEMBERED)
def _of_short_prefix(prefix: str) -> str | None:
    if _prefix_length(prefix) > _PREFIX_DIGITS:
        return None
    return country_of(f"+{prefix}")


def _with_the_rest(
    found: pa.Array, numbers: pa.Array, lengths: pa.Array, longer: Iterable[int]
) -> pa.Array:
    """Return the countries found, and those of numbers whose first digits say less.

    Args:
        found: N countries; null for the rest.
        numbers: N numbers.
        lengths: How many first digits decide; null for all but a plus and digits.
        longer: Those of the lengths that are longer than most.
    """
    for length in longer:
        here = pc.fill_null(pc.equal(lengths, length), fill_value=False)
        countries = _by_longer_prefix(numbers.filter(here), length)
        found = pc.replace_with_mask(found, here, countries)
    if found.null_count == 0:
        return found
    rest = pc.is_null(found)
    one_by_one = [country_of(number) for number in numbers.filter(rest).to_pylist()]
    return pc.replace_with_mask(found, rest, pa.array(one_by_one, pa.string()))


def _by_longer_prefix(numbers: pa.Array, length: int) -> pa.Array:
    """Return the countries of numbers with a plus; asks once for those that are alike.

    Args:
        numbers: N texts.
        length: How many first digits decide, together with the number's length.
    """
    prefixes = pc.utf8_slice_codeunits(numbers, 1, length + 1)
    digits = pc.cast(pc.subtract(pc.utf8_length(numbers), 1), pa.string())
    encoded = pc.dictionary_encode(pc.binary_join_element_wise(prefixes, digits, "/"))
    countries = []
    for key in encoded.dictionary.to_pylist():
        prefix, digits = key.split("/")
        count = _length_that_counts(length, int(digits))
        countries.append(_country_of_prefix(prefix, count))
    return pa.array(countries, pa.string()).take(encoded.indices)


def _prefix_length(digits: str) -> int:
    for length in (4, 3, 2):
        longer = _LONGER_PREFIXES.get(digits[:length])
        if longer:
            return longer
    return _PREFIX_DIGITS


def _length_that_counts(prefix_length: int, digits: int) -> int | None:
    """Return the number's length where the country depends on it, else None.

    Within the longer prefixes it does: +1 310 and four digits is Canada, and seven
    digits Los Angeles.
    """
    if prefix_length == _PREFIX_DIGITS:
        return None
    return min(digits, _LONGEST_NUMBER)


@lru_cache(maxsize=_PREFIXES_REMEMBERED)
def _country_of_prefix(prefix: str, digits: int | None) -> str:
    code = _calling_code(prefix)
    if code is None:
        return UNKNOWN
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    if regions[0] == _NOT_GEOGRAPHIC:
        return UNKNOWN
    if len(regions) == 1:
        return str(regions[0])
    votes = _votes(prefix, [digits]) if digits else None
    # A number of a length that is nowhere valid still has the country of its prefix.
    votes = votes or _votes(prefix, _lengths(code))
    # The main country is the first, and so has a tie.
    return str(max(regions, key=votes.__getitem__))


def _calling_code(prefix: str) -> int | None:
    for length in range(1, _LONGEST_CALLING_CODE + 1):
        code = prefix[:length]
        known = int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
        if known and not code.startswith("0") and len(code) == length:
            return int(code)
    return None


def _votes(prefix: str, lengths: Sequence[int]) -> Counter[str]:
    """Count the regions of valid numbers that begin with the prefix.

    Args:
        prefix: First digits, calling code included.
        lengths: Lengths of the numbers, calling code included.
    """
    votes: Counter[str] = Counter()
    for draw in range(_COMPLETIONS):
        drawn = prefix + _digits(f"{prefix}/{draw}")
        votes.update(filter(None, (_region(drawn[:length]) for length in lengths)))
        if len(votes) == 1 and votes.total() >= _UNANIMOUS:
            break
    return votes


def _region(digits: str) -> str | None:
    """Return the region of a number in E.164 without its plus; None: not valid."""
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    region: str | None = phonenumbers.region_code_for_number(number)
    return region


@cache
def _lengths(code: int) -> list[int]:
    """Return the lengths of the main country's numbers, calling code included."""
    main = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0]
    plan = PhoneMetadata.metadata_for_region(main)
    if plan is None or plan.general_desc is None:
        return []
    return [len(str(code)) + n for n in plan.general_desc.possible_length if n > 0]


def _digits(seed: str) -> str:
    """Return 20 digits that are always the same for a seed."""
    drawn = int.from_bytes(hashlib.sha256(seed.encode()).digest())
    return f"{drawn % 10**20:020d}"
