"""confluent-kafka, msgspec and a Counter: nothing kept and nothing promised."""

import sys
from collections import Counter

import msgspec

from benchmarks import reader
from benchmarks.peers.batches import batches
from streams.core.wire import Callback


def main(servers: str, wanted: int, path: str, topic: str) -> None:
    """Count so many callbacks."""
    decoder = msgspec.json.Decoder(list[Callback])
    cells: Counter[reader.Cell] = Counter()
    counted = 0
    found = batches(servers, topic)
    reader.begin()
    while counted < wanted:
        for value in next(found):
            callbacks = decoder.decode(value)
            counted += len(callbacks)
            for c in callbacks:
                to = c.destination or ""
                cells[(c.time or "")[:16], c.type, c.error_code, to[:5]] += 1
    reader.end(cells, path)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
