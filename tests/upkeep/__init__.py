"""Tests of upkeep: real tables, written as a worker writes them."""
