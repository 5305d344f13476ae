-- check:    records_lost_by_retention
-- question: Which records did Kafka delete before they were archived?
-- grain:    one row per range of offsets of a partition, as it was noticed
-- counts:   offsets
-- depends:  gaps
-- columns:
--   log_id          | varchar     | Life of the topic.
--   kafka_partition | integer     | Partition.
--   from_offset     | bigint      | First offset of the range.
--   to_offset       | bigint      | Last offset of the range.
--   noticed_at      | timestamptz | When a worker found it.
-- notes:    They cannot be had back from Kafka; `undelivered import` brings callbacks
--           that somebody else has kept. A loss stays one: the check names it for good.

select
    log_id,
    kafka_partition,
    from_offset,
    to_offset,
    noticed_at
from gaps
order by log_id, kafka_partition, from_offset
