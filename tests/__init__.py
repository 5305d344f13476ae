"""Tests: unit, SQL, with a real Kafka, and of the package as installed."""
