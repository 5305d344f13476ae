"""Who may post: HTTP Basic by challenge, compared in constant time."""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams.settings import ConfigurationError

if TYPE_CHECKING:
    from streams.settings import Settings

# The provider's first request has no credentials; without this header in the answer it
# gives the callback up for good instead of sending it again with them.
CHALLENGE = (b"www-authenticate", b'Basic realm="undelivered", charset="UTF-8"')
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The pair that a request has to show, as UTF-8 bytes; never printed."""

    username: bytes = field(repr=False)
    password: bytes = field(repr=False)


def credentials_of(settings: "Settings") -> Credentials | None:
    """Return the pair to ask for, or None when everybody may post.

    Raises:
        ConfigurationError: Half a pair is set; the user name cannot be sent; or no
            pair is set and the address is not 127.0.0.1.
    """
    username, password = settings.username, settings.password
    if username is None and password is None:
        if settings.host != LOOPBACK:
            raise ConfigurationError(
                f"The receiver would accept callbacks from everybody at "
                f"{settings.host}: set UNDELIVERED_USERNAME and UNDELIVERED_PASSWORD, "
                f"or bind to {LOOPBACK}."
            )
        return None
    if username is None or password is None:
        missing = "UNDELIVERED_USERNAME" if username is None else "UNDELIVERED_PASSWORD"
        raise ConfigurationError(
            f"Only half of the receiver's credentials is set: set {missing} too, or "
            f"neither."
        )
    if ":" in username:
        raise ConfigurationError(
            "UNDELIVERED_USERNAME has a colon, which HTTP Basic cannot send: choose a "
            "user name without one."
        )
    return Credentials(username.encode(), password.get_secret_value().encode())


def is_allowed(header: bytes | None, credentials: Credentials | None) -> bool:
    """Tell whether a request with this Authorization header may post.

    Args:
        header: The header's value as it came; None if there is none.
        credentials: The pair to ask for; None lets everybody in.

    Source:
        RFC 7617; the pair is read as UTF-8.
    """
    if credentials is None:
        return True
    pair = _pair_of(header or b"")
    if pair is None:
        return False
    username, password = pair
    # Both are always compared, so that the time does not tell which one was wrong.
    same_name = hmac.compare_digest(username, credentials.username)
    same_password = hmac.compare_digest(password, credentials.password)
    return same_name & same_password


def _pair_of(header: bytes) -> tuple[bytes, bytes] | None:
    scheme, _, token = header.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        decoded = base64.b64decode(token.strip(), validate=True)
    except binascii.Error:
        return None
    username, colon, password = decoded.partition(b":")
    return (username, password) if colon else None
