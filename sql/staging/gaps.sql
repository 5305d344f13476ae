-- view:     gaps
-- question: Which records did Kafka delete before they were archived?
-- grain:    one row per range of offsets of a partition, as it was noticed
-- counts:   offsets
-- depends:  stored_gaps
-- columns:
--   log_id          | varchar     | Life of the topic: Kafka's topic id.
--   kafka_partition | integer     | Partition of topic callbacks.
--   from_offset     | bigint      | First offset that is lost.
--   to_offset       | bigint      | Last offset that is lost.
--   noticed_at      | timestamptz | When a worker found it.
--   offsets         | bigint      | How many: at most as many records are lost.
-- notes:    Each lost offset is in exactly one row. Offsets that never held a record,
--           such as markers of transactions, are not here.
-- check:    not null log_id, kafka_partition, from_offset, to_offset, noticed_at
-- check:    from_offset <= to_offset
-- check:    unique log_id, kafka_partition, from_offset

create or replace view gaps as

select
    log_id,
    kafka_partition,
    from_offset,
    to_offset,
    noticed_at,
    to_offset - from_offset + 1 as offsets
from stored_gaps
