"""The baseline: aiokafka, msgspec and a Counter, nothing kept and nothing promised."""

import asyncio
import sys
from collections import Counter

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks import reader
from streams import topics
from streams.core.wire import Callback

_decoder = msgspec.json.Decoder(list[Callback])


async def _count(bootstrap_servers: str, wanted: int, path: str | None) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    partitions = [TopicPartition(topics.CALLBACKS, number) for number in range(8)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning()
    cells: Counter[reader.Cell] = Counter()
    reader.begin()
    while cells.total() < wanted:
        fetched = await consumer.getmany(timeout_ms=1_000, max_records=4_000)
        for records in fetched.values():
            for record in records:
                for c in _decoder.decode(record.value):
                    to = c.destination or ""
                    cells[(c.time or "")[:16], c.type, c.error_code, to[:5]] += 1
    reader.end(cells, path)
    await consumer.stop()


if __name__ == "__main__":
    asyncio.run(_count(sys.argv[1], int(sys.argv[2]), (*sys.argv, None)[3]))
