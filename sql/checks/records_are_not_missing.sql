-- check:    records_are_not_missing
-- question: Which offsets below its position has a partition no row of?
-- grain:    one row per range of offsets without any row
-- depends:  callbacks, positions, gaps
-- columns:
--   log_id          | varchar | Life of the topic.
--   kafka_partition | integer | Partition.
--   from_offset     | bigint  | First offset of the range.
--   to_offset       | bigint  | Last offset of the range.
--   meaning         | varchar | What such a range is.
-- notes:    Looked at is what lies between the first archived offset of a partition and
--           the position of table callbacks; from 0 on where there is no row at all.
--           What was dropped for its age is not missed, nor what table gaps names.
--           Kafka gives each record the next offset, and each record has a row, also
--           one that cannot be read. Markers and aborted records of a transactional
--           producer take offsets too: workers note how many of a partition hold no
--           record. Where more than so many are missing, all such ranges are named.

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
                -1
            ),
            kept_from - 1
        ) as offset_before,
        -- what is before the first row of an archive is only looked at for its sum
        row_number() over (
            partition by log_id, kafka_partition
            order by kafka_offset
        ) > 1
        or is_position
        or kept_from > 0 as is_looked_at
    from places

),

ranges as (

    select
        log_id,
        kafka_partition,
        is_looked_at,
        offset_before + 1 as from_offset,
        kafka_offset - 1 as to_offset
    from in_order
    where kafka_offset > offset_before + 1

),

known as (

    select
        ranges.log_id,
        ranges.kafka_partition,
        ranges.from_offset,
        sum(
            least(ranges.to_offset, gaps.to_offset)
            - greatest(ranges.from_offset, gaps.from_offset)
            + 1
        ) as offsets
    from ranges
    inner join gaps
        on
            ranges.log_id = gaps.log_id
            and ranges.kafka_partition = gaps.kafka_partition
            and ranges.from_offset <= gaps.to_offset
            and ranges.to_offset >= gaps.from_offset
    group by all

),

unknown as (

    select
        ranges.*,
        ranges.to_offset
        - ranges.from_offset
        + 1
        - coalesce(known.offsets, 0) as offsets
    from ranges
    left join known
        on
            ranges.log_id = known.log_id
            and ranges.kafka_partition = known.kafka_partition
            and ranges.from_offset = known.from_offset

),

sums as (

    select
        log_id,
        kafka_partition,
        sum(offsets) as offsets
    from unknown
    group by all

)

select
    unknown.log_id,
    unknown.kafka_partition,
    unknown.from_offset,
    unknown.to_offset,
    'records that the archive lacks; of the offsets of this partition '
    || positions.empty
    || ' hold none' as meaning
from unknown
inner join positions
    on
        unknown.log_id = positions.log_id
        and unknown.kafka_partition = positions.kafka_partition
inner join sums
    on
        unknown.log_id = sums.log_id
        and unknown.kafka_partition = sums.kafka_partition
where
    unknown.is_looked_at
    and unknown.offsets > 0
    and sums.offsets > positions.empty
order by unknown.log_id, unknown.kafka_partition, unknown.from_offset
