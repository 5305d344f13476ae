"""People of a place: valid mobile numbers drawn at random, each with its carrier."""

from collections.abc import Mapping
from random import Random
from typing import NamedTuple, TypeVar

import phonenumbers

from streams.core.countries import country_of
from streams.stack.traffic_places import Place

_Value = TypeVar("_Value")


class Person(NamedTuple):
    """Somebody whom messages go to, and who answers."""

    number: str
    carrier: str


def people(draw: Random, place: Place, count: int) -> list[Person]:
    """Draw people of a place.

    Args:
        draw: Where chance comes from.
        place: The country, its carriers, and the prefixes its numbers begin with.
        count: How many; more than zero.

    Returns:
        ``count`` people; their numbers are E.164 and valid in the country's plan.
    """
    length = _length(place)
    found: list[Person] = []
    while len(found) < count:
        number = _number(draw, place, length)
        if _is_valid(number, place.country):
            found.append(Person(number, pick(draw, place.carriers)))
    return found


def pick(draw: Random, shares: Mapping[_Value, float]) -> _Value:
    """Draw one of the keys by their relative shares."""
    return draw.choices(list(shares), list(shares.values()))[0]


def _length(place: Place) -> int:
    """Return how long a mobile number of the place is, plus included."""
    example = phonenumbers.example_number_for_type(
        place.country, phonenumbers.PhoneNumberType.MOBILE
    )
    if example is None:
        raise ValueError(f"{place.country} has no mobile numbers")
    return len(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))


def _number(draw: Random, place: Place, length: int) -> str:
    prefix = draw.choice(place.prefixes)
    rest = length - len(prefix)
    return f"{prefix}{draw.randrange(10**rest):0{rest}d}"


def _is_valid(number: str, country: str) -> bool:
    parsed = phonenumbers.parse(number)
    return phonenumbers.is_valid_number(parsed) and country_of(number) == country
