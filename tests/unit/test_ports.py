"""Ports: a default gives way, an explicit one does not."""

import socket
from collections.abc import Iterator

import pytest

from streams.settings import DEFAULT_PORTS, ConfigurationError
from streams.stack import ports


@pytest.fixture
def busy() -> Iterator[int]:
    """A port of this machine that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_busy_default_port_gives_way_and_it_is_said(
    busy: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another program on 8780 must not keep a stack from starting."""
    monkeypatch.setitem(DEFAULT_PORTS, "receiver", busy)

    port = ports.choose("receiver", None)

    assert port != busy
    assert ports.is_free("127.0.0.1", port)
    said = capsys.readouterr().out
    assert said == f"Port {busy} is busy, so the receiver takes {port}.\n"


def test_free_default_port_is_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is said where nothing is in the way."""
    free = ports.choose("worker", 0)
    monkeypatch.setitem(DEFAULT_PORTS, "worker", free)

    assert ports.choose("worker", None) == free
    assert capsys.readouterr().out == ""


def test_busy_explicit_port_is_an_error_that_names_port_and_option(busy: int) -> None:
    """Whoever asks for a port has told others of it: another would not do."""
    with pytest.raises(ConfigurationError, match=rf"{busy}.*--kafka-port"):
        ports.choose("kafka", busy)


def test_port_in_time_wait_is_free() -> None:
    """A stack that is started again at once gets its ports again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first waits
        client.close()

    assert ports.choose("receiver", port) == port


def test_two_processes_never_get_the_same_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A port given away is not listened on yet, but it is no longer free."""
    first = ports.choose("receiver", 0)
    monkeypatch.setitem(DEFAULT_PORTS, "worker", first)

    assert ports.choose("worker", None, taken={first}) != first
    with pytest.raises(ConfigurationError):
        ports.choose("worker", first, taken={first})


def test_host_that_is_not_ours_is_an_error_that_names_it() -> None:
    """192.0.2.1 is an address of documentation: no machine has it (RFC 5737)."""
    with pytest.raises(ConfigurationError, match=r"Host 192\.0\.2\.1"):
        ports.choose("receiver", 8780, "192.0.2.1")
