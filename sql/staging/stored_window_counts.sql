-- view:     stored_window_counts
-- question: What are the rows of table window_counts in the snapshot that is read?
-- grain:    one row per increment of a cell
-- counts:   events
-- depends:  variable window_counts_files
-- columns:
--   log_id          | varchar     | Life of the topic: Kafka's topic id.
--   kafka_partition | integer     | Partition of topic callbacks.
--   from_position   | bigint      | First offset that the increment may count.
--   to_position     | bigint      | Offset after the last one it may count.
--   committed_date  | date        | UTC date of the commit.
--   window_start    | timestamptz | Start of the minute of event time, UTC.
--   country         | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   carrier         | varchar     | Carrier's name as sent.
--   application_id  | varchar     | Application of the message.
--   channel         | varchar     | SMS, MMS or RBM; null where not sent.
--   sender_type     | varchar     | toll_free, short_code, long_code, alphanumeric.
--   outcome         | varchar     | Outcome of the events.
--   error_code      | integer     | Error code as sent; null for none.
--   events          | bigint      | Events the cell gained, count; copies are not.
--   segments        | bigint      | Sum of their segment counts as sent.
--   rules_version   | integer     | Version of the counting rules.
-- notes:    The file list is one snapshot of the Delta table, never a glob: compaction
--           and vacuum would make a glob read twice or fail.
-- check:    not null log_id, kafka_partition, window_start, outcome, events, segments
-- check:    from_position < to_position

create or replace view stored_window_counts as

select
    log_id,
    kafka_partition,
    from_position,
    to_position,
    committed_date,
    window_start,
    country,
    carrier,
    application_id,
    channel,
    sender_type,
    outcome,
    error_code,
    events,
    segments,
    rules_version
from
    read_parquet(
        getvariable('window_counts_files'),
        hive_partitioning = true,
        hive_types = {
            'committed_date': date
        }
    )
