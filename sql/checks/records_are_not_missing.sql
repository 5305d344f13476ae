-- check:    records_are_not_missing
-- question: Which offsets below its position has a partition no row of?
-- grain:    one row per range of offsets without any row
-- depends:  callbacks, positions
-- columns:
--   log_id          | varchar | Life of the topic.
--   kafka_partition | integer | Partition.
--   from_offset     | bigint  | First offset of the range.
--   to_offset       | bigint  | Last offset of the range.
--   meaning         | varchar | What such a range is.
-- notes:    Looked at is what lies between the first archived offset of a partition and
--           the position of table callbacks; from 0 on where there is no row at all.
--           What was dropped for its age is not missed.
--           Kafka gives each record the next offset, and each record has a row, also
--           one that cannot be read. The markers that end the transactions of a
--           producer take offsets too; receiver and import make no transactions.

with

archived as (

    select
        callbacks.log_id,
        callbacks.kafka_partition,
        callbacks.kafka_offset,
        positions.kept_from
    from callbacks
    inner join positions
        on
            callbacks.log_id = positions.log_id
            and callbacks.kafka_partition = positions.kafka_partition
            and callbacks.kafka_offset < positions.archived

),

places as (

    select
        log_id,
        kafka_partition,
        kafka_offset,
        kept_from,
        false as is_position
    from archived
    union all
    select
        log_id,
        kafka_partition,
        archived as kafka_offset,
        kept_from,
        true as is_position
    from positions
    where archived > 0

),

in_order as (

    select
        log_id,
        kafka_partition,
        kafka_offset,
        greatest(
            coalesce(
                lag(kafka_offset) over (
                    partition by log_id, kafka_partition
                    order by kafka_offset
                ),
                case
                    when is_position or kept_from > 0 then -1
                    else kafka_offset - 1
                end
            ),
            kept_from - 1
        ) as offset_before
    from places

)

select
    log_id,
    kafka_partition,
    offset_before + 1 as from_offset,
    kafka_offset - 1 as to_offset,
    'records that were lost before they were archived, or markers of a transactional'
    || ' producer' as meaning
from in_order
where kafka_offset > offset_before + 1
order by log_id, kafka_partition, from_offset
