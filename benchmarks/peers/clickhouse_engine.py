"""ClickHouse's own Kafka engine reads the topic, by JSONExtract: rows and counts.

With JSONEachRow, which is strict, it took four times as much.
"""

import sys
import time
from pathlib import Path

from benchmarks import reader
from benchmarks.peers.clickhouse import FIELD_TYPE, ROWS, ClickHouse, quoted

# Between two looks at how much is counted; each look costs ClickHouse a query.
_LOOK_SECONDS = 0.25
# Flushed after a second, not after 7.5, so that the end comes when it is there.
_QUEUE = """
CREATE TABLE peers.queue (line String) ENGINE = Kafka SETTINGS
    kafka_broker_list = '{servers}',
    kafka_topic_list = '{topic}',
    kafka_group_name = 'clickhouse-{topic}',
    kafka_format = 'RawBLOB',
    kafka_num_consumers = 1,
    kafka_flush_interval_ms = 1000,
    kafka_max_block_size = {block}
"""
_BLOCK = 200_000


def main(servers: str, wanted: int, path: Path, topic: str) -> None:
    """Let it read until so many callbacks are counted."""
    database = ClickHouse(path.with_name("clickhouse"))
    database.run(_QUEUE.format(servers=servers, topic=topic, block=_BLOCK))
    reader.begin()
    database.run(
        f"CREATE MATERIALIZED VIEW peers.feed TO peers.callbacks AS "
        f"SELECT {ROWS.format('c.')} FROM (SELECT "
        f"arrayJoin(JSONExtract(line, {quoted(f'Array({FIELD_TYPE})')})) AS c "
        f"FROM peers.queue)"
    )
    while database.counted() < wanted:
        time.sleep(_LOOK_SECONDS)
    database.finish(path)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
