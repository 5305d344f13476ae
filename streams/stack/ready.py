"""Asking a process of the stack whether it can do its work."""

import http.client

import msgspec


def address(host: str, port: int | None) -> str:
    """Return host:port as a client on this machine writes it."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{local}]:{port}" if ":" in local else f"{local}:{port}"


def unready(where: str) -> str | None:
    """Ask a process's /readyz; return why it is not ready, or None.

    Args:
        where: host:port.
    """
    connection = http.client.HTTPConnection(where, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return "does not answer yet"
    finally:
        connection.close()
    if answer.status == http.client.OK:
        return None
    try:
        return str(msgspec.json.decode(body, type=dict[str, str])["status"])
    except (msgspec.DecodeError, KeyError):
        return f"answers {answer.status}"
