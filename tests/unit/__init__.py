"""Unit tests: the core and small parts, no process, no network."""
