"""Tests of the SQL: rows in, rows out, on a real DuckDB."""
