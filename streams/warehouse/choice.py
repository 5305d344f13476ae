"""What a report is asked for beside its period: filters, groups, another period."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from streams import reference
from streams.settings import ConfigurationError
from streams.warehouse.period import MINUTE, duration

if TYPE_CHECKING:
    from streams.warehouse.period import Period
    from streams.warehouse.queries import Query

FILTERS = ("country", "application", "carrier", "sender", "tag", "error_code")
ERROR_CODE = "error_code"
DEFAULT_GROUPS = ("country",)
# What --by takes, and the columns that stand for it.
_GROUPS = {
    "country": "country",
    "carrier": "carrier",
    "application": "application_id",
    "application_id": "application_id",
    "channel": "channel",
    "sender_type": "sender_type",
    "sender": "sender",
    "tag": "tag",
    "code": ERROR_CODE,
    ERROR_CODE: ERROR_CODE,
}
GROUP_COLUMNS = tuple(dict.fromkeys(_GROUPS.values()))


@dataclass(frozen=True, slots=True)
class Choice:
    """Which events or messages a report is about.

    Attributes:
        filters: Values asked for by filter; those that are not there ask for all. The
            empty text asks for what was not sent.
        by: Dimensions of the groups, as columns; None where nothing was asked for.
        against: How long before this period the earlier one lies; None for its length.
    """

    filters: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    by: tuple[str, ...] | None = None
    against: timedelta | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the dimensions of the groups but the error code."""
        chosen = DEFAULT_GROUPS if self.by is None else self.by
        return tuple(name for name in chosen if name != ERROR_CODE)

    def values(self, period: "Period") -> dict[str, Any]:
        """Return the values of the parameters that a choice decides, by name."""
        back = self.against or period.until - period.since
        return {
            **{name: self.filters.get(name) for name in FILTERS},
            "by": list(self.groups),
            "earlier_since": period.since - back,
            "earlier_until": period.until - back,
        }

    def require_taken_by(self, report: "Query") -> None:
        """See that the report takes every option of the choice.

        Raises:
            ConfigurationError: It does not; the message names the first such option.
        """
        given = [name for name in FILTERS if self.filters.get(name)]
        given += ["by"] if self.by is not None else []
        taken = {*report.params}
        if self.against is not None and "earlier_since" not in taken:
            raise ConfigurationError(
                f"Report {report.name} compares no periods: leave --against out."
            )
        columns = {column.name for column in report.columns}
        for name in self.by or ():
            if "by" in taken and name not in columns:
                groups = [each for each in GROUP_COLUMNS if each in columns]
                raise ConfigurationError(
                    f"Report {report.name} has no groups by {name}; it has "
                    f"{', '.join(groups)}."
                )
        for name in given:
            if name not in taken:
                options = [_option(each) for each in FILTERS if each in taken]
                raise ConfigurationError(
                    f"Report {report.name} does not take {_option(name)}; it takes "
                    f"{', '.join(options) or 'a period'}."
                )


NO_CHOICE = Choice()


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def of(
    filters: Mapping[str, Sequence[Any] | None], by: str | None, against: str | None
) -> Choice:
    """Read a choice out of what a person wrote.

    Args:
        filters: Values by filter.
        by: Dimensions with commas between; None for the report's own.
        against: How long before, such as ``7d``.

    Raises:
        ConfigurationError: A value cannot be read; the message names the option.
    """
    given = {name: list(values) for name, values in filters.items() if values}
    if countries := given.get("country"):
        given["country"] = [_country(text) for text in countries]
    return Choice(given, None if by is None else _groups(by), _against(against))


def _country(text: str) -> str:
    code = text.strip().upper()
    if code and code not in {row["country"] for row in reference.table("countries")}:
        raise ConfigurationError(
            f"--country {text} is no country: give two letters of ISO 3166, such as "
            f"GB, or ZZ for those that cannot be told."
        )
    return code


def _groups(text: str) -> tuple[str, ...]:
    names = [name.strip().replace("-", "_") for name in text.split(",")]
    if unknown := [name for name in names if name not in _GROUPS]:
        raise ConfigurationError(
            f"--by {unknown[0]} is no dimension: give some of "
            f"{', '.join(n for n in _GROUPS if n not in ('application_id', 'code'))}, "
            f"with commas between."
        )
    return tuple(dict.fromkeys(_GROUPS[name] for name in names))


def _against(text: str | None) -> timedelta | None:
    if text is None:
        return None
    length = duration(text)
    if length is None or length <= timedelta(0) or length % MINUTE:
        raise ConfigurationError(
            f"--against {text} is not usable: give how long before the earlier period "
            f"lies in whole minutes, such as 24h or 7d."
        )
    return length
