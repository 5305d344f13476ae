"""Further Faust agents that a program adds to the worker; see docs/agents.md."""

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any

import faust

from streams.worker.chunk import Fetch

Agent = Callable[[AsyncIterable[Fetch]], Awaitable[None]]

_further: list[Agent] = []


def agent(function: Agent) -> Agent:
    """Let a function be an agent of the worker that this process starts.

    Args:
        function: An ordinary Faust agent. Each of its messages is what Kafka gave at
            once: chunks of consecutive records, of one or several partitions.
    """
    _further.append(function)
    return function


def declare(app: faust.App, callbacks: Any) -> None:  # noqa: ANN401 - Faust's topic
    """Declare all of them on the topic, beside the worker's own."""
    for function in _further:
        app.agent(callbacks, name=function.__name__)(function)
