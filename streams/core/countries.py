"""Number → ISO 3166 country, as phonenumbers has it, remembered by prefix.

The rule is a function of the number's first digits alone, never of the numbers seen
before: two workers that see numbers in another order still agree. Most calling codes
belong to one country. Of a shared one the prefix is completed with digits drawn from
the prefix itself, and the country of most valid completions has it; a prefix without a
valid completion counts for the calling code's main country.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import PhoneMetadata

UNKNOWN = "ZZ"

_NUMBER = re.compile(r"(\+?)([0-9]+)")
# Without a plus, fewer digits are a short code.
_SHORTEST_BARE_NUMBER = 9
_LONGEST_CALLING_CODE = 3
_NOT_GEOGRAPHIC = "001"

_PREFIX_DIGITS = 4
# Calling codes within which four digits, calling code included, are not enough;
# found by comparing all numbers of a prefix over samples of each shared code.
_LONGER_PREFIXES = {
    "1310": 6,
    "1800": 6,
    "44": 6,
    "3580": 6,
    "3581": 6,
    "3906": 7,
    "262": 7,
    "618": 8,
    "5905": 8,
}
_COMPLETIONS = 40
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
    if length == _PREFIX_DIGITS:
        return _country_of_prefix(digits[:length])
    # Within the longer prefixes the number's own length matters: +1 310 and four
    # digits is Canada, and seven digits Los Angeles.
    return _country_of_prefix(digits[:length], len(digits))


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
    with_plus = pc.utf8_slice_codeunits(flat, 0, _PREFIX_DIGITS + 1)
    encoded = pc.dictionary_encode(with_plus)
    by_prefix = pa.array(
        [_of_plain_prefix(prefix) for prefix in encoded.dictionary.to_pylist()],
        pa.string(),
    )
    is_number = pc.ascii_is_decimal(pc.utf8_slice_codeunits(flat, 1))
    found = pc.if_else(is_number, by_prefix.take(encoded.indices), None)
    if found.null_count == 0:
        return found
    rest = pc.is_null(found)
    one_by_one = [country_of(number) for number in flat.filter(rest).to_pylist()]
    return pc.replace_with_mask(found, rest, pa.array(one_by_one, pa.string()))


def _of_plain_prefix(with_plus: str | None) -> str | None:
    """Return the country of a plus and four digits, where these are enough."""
    match = _NUMBER.fullmatch(with_plus) if with_plus else None
    if match is None or not match.group(1) or len(match.group(2)) < _PREFIX_DIGITS:
        return None
    digits = match.group(2)
    if _prefix_length(digits) > _PREFIX_DIGITS:
        return None
    return _country_of_prefix(digits)


def _prefix_length(digits: str) -> int:
    for length in (4, 3, 2):
        longer = _LONGER_PREFIXES.get(digits[:length])
        if longer:
            return longer
    return _PREFIX_DIGITS


@lru_cache(maxsize=_PREFIXES_REMEMBERED)
def _country_of_prefix(prefix: str, digits: int | None = None) -> str:
    code = _calling_code(prefix)
    if code is None:
        return UNKNOWN
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    if regions[0] == _NOT_GEOGRAPHIC:
        return UNKNOWN
    if len(regions) == 1:
        return str(regions[0])
    votes = Counter(_regions_of_completions(code, prefix, digits))
    # On a tie the first in the alphabet, so that the order of votes says nothing.
    best = max(sorted(votes), key=votes.__getitem__, default=regions[0])
    return str(best)


def _calling_code(prefix: str) -> int | None:
    for length in range(1, _LONGEST_CALLING_CODE + 1):
        code = prefix[:length]
        known = int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
        if known and not code.startswith("0") and len(code) == length:
            return int(code)
    return None


def _regions_of_completions(
    code: int, prefix: str, digits: int | None
) -> Iterator[str]:
    """Yield the region of each valid number that begins with the prefix.

    Args:
        code: The calling code.
        prefix: First digits, calling code included.
        digits: Length of the numbers, calling code included; None: every length that
            the calling code's plans know.
    """
    for length in _lengths(code) if digits is None else [digits]:
        for draw in range(_COMPLETIONS):
            region = _region((prefix + _digits(f"{prefix}/{length}/{draw}"))[:length])
            if region and region != _NOT_GEOGRAPHIC:
                yield region


def _region(digits: str) -> str | None:
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    region: str | None = phonenumbers.region_code_for_number(number)
    return region


def _lengths(code: int) -> list[int]:
    lengths: set[int] = set()
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]:
        metadata = PhoneMetadata.metadata_for_region(region)
        if metadata is not None and metadata.general_desc is not None:
            lengths |= set(metadata.general_desc.possible_length)
    return sorted(len(str(code)) + length for length in lengths if length > 0)


def _digits(seed: str) -> str:
    """Return 20 digits that are always the same for a seed."""
    drawn = int.from_bytes(hashlib.sha256(seed.encode()).digest())
    return f"{drawn % 10**20:020d}"
