"""Ask a monitor over HTTP."""

import http.client
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

Answer = dict[str, Any]
Parameters = Sequence[tuple[str, str]]

ANSWER_SECONDS = 10.0
# An answer to a question of ours has some hundred rows; more is another server's.
_MOST_BYTES = 16 << 20


class NoAnswerError(Exception):
    """The monitor did not answer; the message is one sentence."""


class Monitor:
    """One monitor and the connection to it."""

    def __init__(self, address: str) -> None:
        """Take an address, host:port; nothing is connected yet."""
        self.address = address
        self._connection = http.client.HTTPConnection(address, timeout=ANSWER_SECONDS)

    def rates(self, parameters: Parameters) -> Answer:
        """Ask GET /api/rates.

        Raises:
            NoAnswerError: It does not answer, or not with rates.
        """
        path = f"/api/rates?{urlencode(parameters)}"
        try:
            self._connection.request("GET", path)
            answer = self._connection.getresponse()
            content = answer.read(_MOST_BYTES)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NoAnswerError(
                f"No monitor answers at {self.address} "
                f"({error or type(error).__name__}): start one with `undelivered up` "
                f"or `undelivered monitor`."
            ) from error
        try:
            found: Answer = msgspec.json.decode(content, type=Answer)
        except msgspec.DecodeError as error:
            self._connection.close()
            raise NoAnswerError(
                f"What answers at {self.address} is no monitor: give the monitor's "
                f"port with --monitor-port."
            ) from error
        if answer.status != http.client.OK:
            words = found.get("error", f"it answered {answer.status}")
            raise NoAnswerError(f"The monitor at {self.address} says: {words}")
        return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
