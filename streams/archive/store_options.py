"""Options of an object store: delta-rs takes them all, obstore by what they are of."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from streams.settings import ConfigurationError, length_of

# object_store's own would let a command wait for three minutes; workers try again by
# themselves.
DEFAULTS = {
    "connect_timeout": "5s",
    "timeout": "60s",
    "max_retries": "3",
    "retry_timeout": "10s",
}
_OF_CLIENT = frozenset(
    {
        "allow_http",
        "allow_invalid_certificates",
        "connect_timeout",
        "http1_only",
        "http2_only",
        "pool_idle_timeout",
        "pool_max_idle_per_host",
        "proxy_url",
        "proxy_ca_certificate",
        "proxy_excludes",
        "root_certificate",
        "timeout",
        "user_agent",
    }
)
# What only delta-rs knows, mostly of a DynamoDB beside the store.
_OF_DELTA = re.compile(r"(delta|aws_s3|backoff_config)[_.].*|aws_.*_dynamodb")


class Split(NamedTuple):
    """Options as obstore takes them: of the store, the connection, and of retries."""

    config: dict[str, str]
    client: dict[str, Any]
    retries: dict[str, Any]


def split(options: Mapping[str, str]) -> Split:
    """Split options by what they are of.

    Raises:
        ConfigurationError: One of retries is none.
    """
    found = Split({}, {}, {})
    for given, value in options.items():
        name = given.lower()
        plain = name.removeprefix("aws_").removeprefix("google_")
        if plain in _OF_CLIENT:
            found.client[plain] = value
        elif name == "max_retries" and value.isdecimal():
            found.retries[name] = int(value)
        elif name == "retry_timeout" and (length := length_of(value)) is not None:
            found.retries[name] = length
        elif name in {"max_retries", "retry_timeout"}:
            raise ConfigurationError(
                f"Storage option {given} cannot be used: give max_retries a number, "
                f"retry_timeout a length of time such as 10s."
            )
        elif not _OF_DELTA.fullmatch(name):
            found.config[name] = value
    return found
