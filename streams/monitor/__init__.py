"""The live view: rates within a second of the callback, over HTTP.

A Faust application reads topic window-counts (app, transport) into totals that the
reader's rules of the core keep equal to the archive (live, counts_table, signs). The
API answers questions over them, and over the table for what is older (asked,
answering, api, documents, streaming, server); run puts it together.
"""

from streams.monitor.run import run

__all__ = ["run"]
