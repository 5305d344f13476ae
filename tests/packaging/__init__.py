"""Tests of what is installed: the wheel."""
