"""Other systems at the same work: see ``python -m benchmarks.peers --help``."""
