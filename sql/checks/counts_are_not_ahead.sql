-- check:    counts_are_not_ahead
-- question: Where does table window_counts count records that are not archived?
-- grain:    one row per partition of a log
-- depends:  positions
-- columns:
--   log_id          | varchar | Life of the topic.
--   kafka_partition | integer | Partition.
--   archived        | bigint  | Position of table callbacks.
--   counted         | bigint  | Position of table window_counts.

select
    log_id,
    kafka_partition,
    archived,
    counted
from positions
where counted > archived
order by log_id, kafka_partition
