"""The monitor over real tables, fed with real messages; no broker."""
