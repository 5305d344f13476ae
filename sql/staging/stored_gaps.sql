-- view:     stored_gaps
-- question: What are the rows of table gaps in the snapshot that is read?
-- grain:    one row per range of offsets that was noticed
-- depends:  variable gaps_files
-- columns:
--   log_id          | varchar     | Life of the topic: Kafka's topic id.
--   kafka_partition | integer     | Partition of topic callbacks.
--   from_offset     | bigint      | First offset that is lost.
--   to_offset       | bigint      | Last offset that is lost.
--   noticed_at      | timestamptz | When a worker found it.
-- notes:    The file list is one snapshot of the Delta table, never a glob.

create or replace view stored_gaps as

select
    log_id,
    kafka_partition,
    from_offset,
    to_offset,
    noticed_at
from read_parquet(getvariable('gaps_files'))
