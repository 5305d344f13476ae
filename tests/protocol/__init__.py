"""The protocol of the worker group as a model: Kafka, two tables, any workers.

The decisions and the identity memory are the real ones; the rest is as small as it can
be. tests/unit/test_protocol_model.py drives it, docs/exactly-once.md says what for.
"""
