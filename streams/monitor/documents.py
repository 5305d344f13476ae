"""What the API's answers look like, for its OpenAPI document; a test compares both."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from streams.core.rate_query import FINISHED
from streams.core.series import DIMENSIONS
from streams.monitor import asked

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Measures(_Model):
    """Counts and rates; which of them there are, ``by`` decides."""

    delivered: Count | None = Field(None, description="Events delivered.")
    failed: Count | None = Field(None, description="Events failed.")
    unknown: Count | None = Field(
        None, description="Events that ended without a receipt."
    )
    events: Count | None = Field(
        None, description="Events of the row; with outcome or error_code in by."
    )
    finished: Count = Field(
        description="Delivered, failed and unknown events of the row's other "
        "dimensions, whatever outcome or error_code say."
    )
    failure_rate: Share | None = Field(None, description="failed / finished.")
    unknown_rate: Share | None = Field(None, description="unknown / finished.")
    rate: Share | None = Field(
        None, description="events / finished; null where the events are no share of it."
    )
    low: Share | None = Field(
        description="Lower bound of the 95 % Wilson interval of failure_rate or rate."
    )
    high: Share | None = Field(description="Its upper bound.")


class RateRow(Measures):
    """One window and one value of each dimension asked for."""

    window_start: datetime = Field(description="Start of the window, event time, UTC.")
    country: str | None = Field(
        None, description="Destination, ISO 3166 alpha-2; ZZ cannot be told."
    )
    carrier: str | None = Field(None, description="Carrier's name as sent.")
    application_id: str | None = Field(None, description="Application.")
    channel: str | None = Field(None, description="SMS, MMS or RBM, as sent.")
    sender_type: str | None = Field(
        None, description="toll_free, short_code, long_code or alphanumeric."
    )
    outcome: str | None = Field(None, description="delivered, failed, unknown, …")
    error_code: int | None = Field(None, description="As sent; null for none.")
    is_other: bool | None = Field(
        None, description="The rest beside the largest; only with top."
    )
    earlier: Measures | None = Field(
        None, description="The same of the earlier period; only with compare."
    )
    change: Annotated[float, Field(ge=-1, le=1)] | None = Field(
        None, description="The rate less the earlier one; only with compare."
    )
    change_low: float | None = Field(
        None, description="Lower bound of its 99.9 % interval (Newcombe)."
    )
    change_high: float | None = Field(None, description="Its upper bound.")
    is_more_than_chance: bool | None = Field(
        None, description="Whether 0 is outside of that interval."
    )


class Range(_Model):
    """A half-open period of event time."""

    since: datetime
    until: datetime


class TableRange(Range):
    """A period that was read from table window_counts."""

    version: int = Field(description="The table's version.")


class Sources(_Model):
    """Which part of the answer came from where."""

    memory: Range | None = Field(description="From the totals in memory.")
    table: TableRange | None = Field(
        description="From table window_counts, and what was published since."
    )
    positions: dict[str, Count] = Field(
        description="By log and partition, the offset below which records are counted."
    )


class RatesAnswer(_Model):
    """Rates, and how far they are."""

    rows: list[RateRow] = Field(
        description="By window, the most failures first. All of them, unless top."
    )
    as_of: datetime | None = Field(
        description="Everything acknowledged before is counted, by the broker's time; "
        "null when no worker has told."
    )
    provisional_from: datetime | None = Field(
        description="as_of rounded down to the window: from here on more will come. "
        "Late callbacks change earlier windows, too."
    )
    since: datetime = Field(description="Start of the period, rounded down.")
    until: datetime = Field(description="End of the period, rounded up.")
    problems: list[str] = Field(
        description="Why as_of stands still, one sentence each; empty when it does not."
    )
    sources: Sources


class ErrorAnswer(_Model):
    """What is wrong, in one sentence that names the parameter."""

    error: str


def _parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "string", "maxLength": asked.LONGEST_VALUE} | schema,
    }


def _several(name: str, description: str, **items: Any) -> dict[str, Any]:  # noqa: ANN401
    parameter = _parameter(name, description)
    parameter["style"], parameter["explode"] = "form", True
    parameter["schema"] = {
        "type": "array",
        "items": {"type": "string", "maxLength": asked.LONGEST_VALUE} | items,
        "maxItems": asked.MOST_VALUES,
    }
    return parameter


_TIME = "ISO 8601 of any precision and zone (UTC without one), or how long ago: 30m, 7d"
_NONE = "an empty value stands for none; give it again for several"
_LENGTH = "^[0-9]{1,4}[mhd]$"

PARAMETERS = [
    _parameter(
        "since", f"Start of the period: {_TIME}; or all. Default: an hour before until."
    ),
    _parameter("until", f"End of the period, not included: {_TIME}. Default: now."),
    _parameter(
        "window",
        "Length of a window, whole minutes, such as 5m, 1h or 1d. Default: one window.",
        pattern=_LENGTH,
    ),
    _parameter(
        "by",
        f"Dimensions of a row, comma between them: {', '.join(DIMENSIONS)}. With "
        f"outcome or error_code, rows have events and rate instead of {FINISHED[0]} "
        f"and the like.",
    ),
    _several("country", f"Only these destinations, ISO 3166; {_NONE}."),
    _several("carrier", f"Only these carriers; {_NONE}."),
    _several("application_id", f"Only these applications; {_NONE}."),
    _several("channel", f"Only these channels; {_NONE}."),
    _several(
        "sender_type",
        f"Only these types of senders; {_NONE}.",
        enum=[*asked.known_values("sender_type"), ""],
    ),
    _several(
        "outcome",
        "Count only these outcomes; finished stays what it is.",
        enum=list(asked.known_values("outcome")),
    ),
    _several(
        "error_code",
        f"Count only failures with these codes; finished stays what it is; {_NONE}.",
        pattern="^(-?[0-9]{1,9})?$",
    ),
    _parameter(
        "top",
        "So many groups with the most failures; the rest is one row, is_other.",
        type="integer",
        minimum=1,
        maximum=asked.MOST_TOP,
    ),
    _parameter(
        "compare",
        "How much earlier the period is that each row is compared with, such as 7d.",
        pattern=_LENGTH,
    ),
]
for _each in PARAMETERS:
    if _each["name"] == "top":
        del _each["schema"]["maxLength"]
