"""Authentication: who may post, and which settings are refused at start."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.intake.authentication import Credentials, credentials_of, is_allowed
from streams.settings import ConfigurationError, Settings

PAIR = Credentials("zoë".encode(), "pässwörd:🔑".encode())

names = st.text().filter(lambda name: ":" not in name)


def basic(username: str, password: str) -> bytes:
    """Write the header a client sends for a pair."""
    return b"Basic " + base64.b64encode(f"{username}:{password}".encode())


def configured(**values: str) -> Settings:
    """Make settings that have these values, whatever the environment says."""
    unset = {"host": "127.0.0.1", "username": None, "password": None}
    return Settings.model_validate(unset | values)


def test_the_pair_is_let_in() -> None:
    """User name and password are read as UTF-8; a password may have colons."""
    assert is_allowed(basic("zoë", "pässwörd:🔑"), PAIR)


@pytest.mark.parametrize("scheme", [b"basic", b"BASIC", b"bAsIc"])
def test_the_scheme_has_no_case(scheme: bytes) -> None:
    """RFC 7617 compares the scheme's name without case."""
    header = basic("zoë", "pässwörd:🔑").replace(b"Basic", scheme)

    assert is_allowed(header, PAIR)


@given(names, st.text())
def test_any_pair_lets_itself_in(username: str, password: str) -> None:
    """Whatever is set is what is let in."""
    pair = Credentials(username.encode(), password.encode())

    assert is_allowed(basic(username, password), pair)


@given(names, st.text())
def test_any_other_pair_is_refused(username: str, password: str) -> None:
    """Only the very pair is let in."""
    is_pair = (username.encode(), password.encode()) == (PAIR.username, PAIR.password)

    assert is_allowed(basic(username, password), PAIR) == is_pair


@pytest.mark.parametrize(
    ("username", "password"),
    [("zoë", ""), ("zoë", "pässwörd:"), ("", "pässwörd:🔑"), ("Zoë", "pässwörd:🔑")],
)
def test_half_a_pair_is_refused(username: str, password: str) -> None:
    """A right name does not make up for a wrong password, nor the other way."""
    assert not is_allowed(basic(username, password), PAIR)


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"Basic",
        b"Basic ",
        b"Basic !!!",
        b"Basic " + base64.b64encode(b"no colon"),
        b"Basic " + base64.b64encode(b"\xff:\xff"),
        b"Bearer " + basic("zoë", "pässwörd:🔑")[6:],
        basic("zoë", "pässwörd:🔑")[:-4],
        basic("zoë", "pässwörd:🔑").replace(b" ", b" !"),
    ],
)
def test_a_header_that_is_no_pair_is_refused(header: bytes | None) -> None:
    """Missing, broken or of another scheme: refused, never an error."""
    assert not is_allowed(header, PAIR)


@given(st.binary())
def test_any_bytes_are_refused(header: bytes) -> None:
    """Random bytes are refused, never an error."""
    assert not is_allowed(header, PAIR)


def test_without_a_pair_everybody_is_let_in() -> None:
    """On the machine itself the receiver needs no credentials."""
    assert is_allowed(None, credentials_of(configured()))


def test_without_a_pair_no_other_address_is_served() -> None:
    """A receiver that others can reach does not accept from everybody."""
    with pytest.raises(ConfigurationError, match=r"0\.0\.0\.0.*UNDELIVERED_USERNAME"):
        credentials_of(configured(host="0.0.0.0"))  # noqa: S104 - that is the point


@pytest.mark.parametrize(
    ("given_value", "missing"),
    [("username", "UNDELIVERED_PASSWORD"), ("password", "UNDELIVERED_USERNAME")],
)
def test_half_a_pair_cannot_be_set(given_value: str, missing: str) -> None:
    """Half a pair is a mistake; the message names the other half."""
    with pytest.raises(ConfigurationError, match=missing):
        credentials_of(configured(**{given_value: "x"}))


def test_a_name_with_a_colon_cannot_be_set() -> None:
    """HTTP Basic ends the user name at its first colon."""
    with pytest.raises(ConfigurationError, match="colon"):
        credentials_of(configured(username="a:b", password="x"))  # noqa: S106


def test_the_pair_is_not_shown() -> None:
    """What is logged of credentials says nothing of them."""
    assert repr(PAIR) == "Credentials()"
