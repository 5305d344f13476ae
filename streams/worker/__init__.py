"""The Faust application that archives and counts: chunked transport, agent, commits."""

from streams.worker.run import run

__all__ = ["run"]
