"""Tests of the notebooks, executed as a person would."""
