"""What goes wrong in the traffic, for a person to find."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Incident:
    """One carrier starts refusing in one country.

    Attributes:
        country: ISO 3166 alpha-2.
        carrier: As in ``carrierName``.
        error_code: What it refuses with.
        hours: How long before the end of the traffic it begins.
        share: Of the carrier's messages there that it refuses, 0 to 1.
    """

    country: str
    carrier: str
    error_code: int
    hours: float
    share: float

    def refuses(self, country: str, carrier: str) -> bool:
        """Tell whether it concerns a carrier in a country."""
        return (country, carrier) == (self.country, self.carrier)


INCIDENT = Incident("GB", "EE", error_code=4770, hours=2.0, share=0.7)
