"""Where the traffic goes: countries, their carriers, and how they fail.

The shares are a judgement, chosen to look like a sender's real days: a few percent
fail, most of them for the recipient's sake, and receipts are lost more often abroad.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# The carrier's daily limits have a code for each of two carriers, and one for the rest.
VOLUME_EXCEEDED = 4785
VOLUME_EXCEEDED_BY_CARRIER = {"TMobile": 4780, "AT&T": 4781}


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A country as a destination.

    Attributes:
        country: ISO 3166 alpha-2.
        share: Of all messages, in percent.
        prefixes: First digits of its mobile numbers, calling code included.
        carriers: Relative share of each carrier.
        failed: Share of messages that fail, 0 to 1.
        expired: Share of messages whose receipt never comes, 0 to 1.
        codes: Relative share of each error code among those that fail.
        seconds: Median time from sending to the receipt.
        has_mms: The provider delivers MMS there.
    """

    country: str
    share: float
    prefixes: tuple[str, ...]
    carriers: Mapping[str, float]
    failed: float
    expired: float
    codes: Mapping[int, float]
    seconds: float
    has_mms: bool = False


_AREA_CODES_US = (
    "+1206 +1212 +1214 +1303 +1312 +1404 +1415 +1512 +1602 +1617 +1702 +1713 +1919"
)
_AREA_CODES_CA = "+1403 +1416 +1514 +1604 +1613 +1902"
_AT_HOME = {
    4720: 24.0,
    4750: 16.0,
    4770: 14.0,
    4775: 13.0,
    VOLUME_EXCEEDED: 9.0,
    4721: 8.0,
    5620: 8.0,
    4476: 4.0,
    5600: 4.0,
}
_ABROAD = {
    4720: 34.0,
    4702: 16.0,
    4750: 12.0,
    5650: 10.0,
    4730: 9.0,
    5600: 7.0,
    4432: 5.0,
    4406: 4.0,
    4770: 3.0,
}

PLACES = (
    Place(
        country="US",
        share=45,
        prefixes=tuple(_AREA_CODES_US.split()),
        carriers={"AT&T": 31, "Verizon": 31, "TMobile": 30, "other": 8},
        failed=0.024,
        expired=0.010,
        codes=_AT_HOME,
        seconds=2.6,
        has_mms=True,
    ),
    Place(
        country="CA",
        share=10,
        prefixes=tuple(_AREA_CODES_CA.split()),
        carriers={"Rogers": 36, "Bell": 33, "TELUS": 31},
        failed=0.018,
        expired=0.009,
        codes=_AT_HOME,
        seconds=3.1,
        has_mms=True,
    ),
    Place(
        country="GB",
        share=12,
        prefixes=("+447400", "+447711", "+447860", "+447912"),
        carriers={"EE": 40, "Vodafone": 24, "O2": 22, "Three": 14},
        failed=0.019,
        expired=0.010,
        codes=_ABROAD,
        seconds=4.2,
    ),
    Place(
        country="MX",
        share=9,
        prefixes=("+5255", "+5233", "+5281"),
        carriers={"Telcel": 62, "AT&T Mexico": 20, "Movistar": 18},
        failed=0.044,
        expired=0.020,
        codes=_ABROAD | {4432: 16.0},
        seconds=6.5,
    ),
    Place(
        country="BR",
        share=7,
        prefixes=("+55119", "+55219", "+55319"),
        carriers={"Vivo": 40, "Claro": 33, "TIM": 27},
        failed=0.046,
        expired=0.018,
        codes=_ABROAD | {4750: 26.0},
        seconds=7.0,
    ),
    Place(
        country="IN",
        share=6,
        prefixes=("+9181", "+9198", "+9170"),
        carriers={"Jio": 45, "Airtel": 38, "Vi": 17},
        failed=0.052,
        expired=0.024,
        codes=_ABROAD | {4740: 30.0},
        seconds=8.0,
    ),
    Place(
        country="DE",
        share=4,
        prefixes=("+49151", "+49160", "+49175"),
        carriers={"Telekom": 38, "Vodafone": 33, "O2": 29},
        failed=0.014,
        expired=0.008,
        codes=_ABROAD,
        seconds=3.8,
    ),
    Place(
        country="JM",
        share=3,
        prefixes=("+1876",),
        carriers={"Digicel": 70, "Flow": 30},
        failed=0.036,
        expired=0.018,
        codes=_ABROAD,
        seconds=6.0,
    ),
    Place(
        country="PH",
        share=3,
        prefixes=("+63905", "+63917", "+63998"),
        carriers={"Smart": 45, "Globe": 44, "DITO": 11},
        failed=0.052,
        expired=0.024,
        codes=_ABROAD,
        seconds=9.0,
    ),
    Place(
        country="FR",
        share=1,
        prefixes=("+336",),
        carriers={"Orange": 45, "SFR": 28, "Bouygues": 27},
        failed=0.016,
        expired=0.009,
        codes=_ABROAD,
        seconds=4.0,
    ),
)
