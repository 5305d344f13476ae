"""DuckDB over the two tables: views, reports, the check, an SQL prompt.

``connect`` is what a notebook needs; the queries themselves are files in ``sql/``.
"""

from streams.warehouse.connection import connect

__all__ = ["connect"]
