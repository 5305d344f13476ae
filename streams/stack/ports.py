"""Which port a process takes."""

import random
import socket
from collections.abc import Container

from streams.settings import DEFAULT_PORTS, ConfigurationError
from streams.stack.console import say

# Below the range that systems give to outgoing connections: there, a client that keeps
# trying to reach a restarting server may be handed the server's own port.
_FREE_RANGE = range(10_000, 32_000)


def choose(
    name: str,
    asked: int | None,
    host: str = "127.0.0.1",
    taken: Container[int] = (),
) -> int:
    """Return the port a process shall bind to.

    Args:
        name: receiver, monitor, worker or kafka.
        asked: The port a person gave; 0 is any free one, None the default port, or a
            free one, which is said, where that is busy.
        host: Address that the port is for.
        taken: Ports that are given away already.

    Raises:
        ConfigurationError: The port asked for is busy, or the host is not ours.
    """
    if asked == 0:
        return _any_free(host, taken)
    wanted = DEFAULT_PORTS[name] if asked is None else asked
    if wanted not in taken and is_free(host, wanted):
        return wanted
    if asked is None:
        port = _any_free(host, taken)
        say(f"Port {wanted} is busy, so the {name} takes {port}.")
        return port
    raise ConfigurationError(
        f"Port {asked} on {host} is busy: end what uses it, or give the {name} another "
        f"with --{name}-port (0 takes any free one)."
    )


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there; TIME_WAIT does not make a port busy.

    Raises:
        ConfigurationError: The host is no address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ConfigurationError(
            f"Host {host} is not known: set --host to an address of this machine."
        ) from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except PermissionError as error:
            raise ConfigurationError(
                f"Port {port} needs more rights than this user has: choose one above "
                f"1023."
            ) from error
        except OSError as error:
            if _is_foreign(host):
                raise ConfigurationError(
                    f"Host {host} is no address of this machine: set --host to one."
                ) from error
            return False
    return True


def _is_foreign(host: str) -> bool:
    try:
        socket.create_server((host, 0)).close()
    except OSError:
        return True
    return False


def _any_free(host: str, taken: Container[int]) -> int:
    for port in random.sample(_FREE_RANGE, 200):
        if port not in taken and is_free(host, port):
            return port
    raise ConfigurationError(
        f"No free port was found on {host} between {_FREE_RANGE.start} and "
        f"{_FREE_RANGE.stop}: end some servers, or name ports with --…-port."
    )
