"""Tests that need nothing but Python: all together in seconds."""
