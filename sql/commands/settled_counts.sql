-- command:  settled_counts
-- question: What are the increments of chosen files, one row a cell?
-- grain:    one row per cell, stretch of a partition's log and version of the rules
-- counts:   events
-- depends:  stored_window_counts, events, window_macros
-- params:   $committed_date date, of the chosen files
--           $rules_version integer, version of the rules of a recount; 0 for none
--           $floor_logs varchar[], logs of which callbacks were dropped; null for none
--           $floor_partitions integer[], the partition of each
--           $floors bigint[], the first offset of each from which all are kept
-- columns:
--   log_id          | varchar     | Life of the topic.
--   kafka_partition | integer     | Partition.
--   from_position   | bigint      | First offset that the row may count.
--   to_position     | bigint      | Offset after the last one it may count.
--   committed_date  | date        | UTC date of the summed commits.
--   window_start    | timestamptz | Start of the minute of event time.
--   country         | varchar     | Destination, ISO 3166 alpha-2.
--   carrier         | varchar     | Carrier's name as sent.
--   application_id  | varchar     | Application of the message.
--   channel         | varchar     | SMS, MMS or RBM; null where not sent.
--   sender_type     | varchar     | toll_free, short_code, long_code, alphanumeric.
--   outcome         | varchar     | Outcome of the events.
--   error_code      | integer     | Error code as sent; null for none.
--   events          | bigint      | Events, count; copies are not.
--   segments        | bigint      | Sum of their segment counts as sent.
--   stored_events   | bigint      | Events as the increments have them.
--   stored_segments | bigint      | Segments as the increments have them.
--   stored_rules    | integer     | Newest version of their rules.
--   rules_version   | integer     | Version of the counting rules.
-- notes:    Counted again from the callbacks where they are kept, else summed; what
--           newer rules have counted is only summed. Where both differ, stored_events
--           or stored_segments are others than events or segments.
--           What `undelivered maintain` puts in the place of the increments.

with

ranges as (

    select
        log_id,
        kafka_partition,
        from_position,
        to_position,
        max(rules_version) as newest_rules
    from stored_window_counts
    group by all

),

beside as (

    select
        *,
        max(to_position) over (
            partition by log_id, kafka_partition
            order by from_position, to_position
            rows between unbounded preceding and 1 preceding
        ) as reached
    from ranges

),

numbered as (

    select
        *,
        count(*) filter (where reached is null or reached < from_position) over (
            partition by log_id, kafka_partition
            order by from_position, to_position
        ) as stretch
    from beside

),

whole as (

    select
        log_id,
        kafka_partition,
        from_position,
        to_position,
        min(from_position) over stretches as range_from,
        max(to_position) over stretches as range_to,
        max(newest_rules) over stretches as newest_rules
    from numbered
    window stretches as (partition by log_id, kafka_partition, stretch)

),

floors as (

    select
        unnest($floor_logs::varchar[]) as log_id,
        unnest($floor_partitions::integer[]) as kafka_partition,
        unnest($floors::bigint[]) as kept_from

),

counted_ranges as (

    select
        whole.*,
        whole.newest_rules <= $rules_version
        and whole.range_from >= coalesce(floors.kept_from, 0) as is_recounted
    from whole
    left join floors
        on
            whole.log_id = floors.log_id
            and whole.kafka_partition = floors.kafka_partition

),

stretches as (

    select distinct
        log_id,
        kafka_partition,
        range_from,
        range_to
    from counted_ranges
    where is_recounted

),

stored as (

    select
        counts.log_id,
        counts.kafka_partition,
        ranges.range_from as from_position,
        ranges.range_to as to_position,
        counts.window_start,
        counts.country,
        counts.carrier,
        counts.application_id,
        counts.channel,
        counts.sender_type,
        counts.outcome,
        counts.error_code,
        case when ranges.is_recounted then 0 else counts.events end as events,
        case when ranges.is_recounted then 0 else counts.segments end as segments,
        counts.events as stored_events,
        counts.segments as stored_segments,
        counts.rules_version as stored_rules,
        case
            when ranges.is_recounted then $rules_version
            else counts.rules_version
        end as rules_version
    from stored_window_counts as counts
    inner join counted_ranges as ranges
        on
            counts.log_id = ranges.log_id
            and counts.kafka_partition = ranges.kafka_partition
            and counts.from_position = ranges.from_position
            and counts.to_position = ranges.to_position

),

recounted as (

    select
        events.log_id,
        events.kafka_partition,
        stretches.range_from as from_position,
        stretches.range_to as to_position,
        window_of(events.counted_at, interval '1 minute') as window_start,
        events.destination_country as country,
        events.carrier_name as carrier,
        events.application_id,
        events.channel,
        events.sender_type,
        events.outcome,
        events.error_code,
        1 as events,
        coalesce(events.segment_count, 0) as segments,
        0 as stored_events,
        0 as stored_segments,
        null as stored_rules,
        $rules_version as rules_version
    from events
    inner join stretches
        on
            events.log_id = stretches.log_id
            and events.kafka_partition = stretches.kafka_partition
            and events.kafka_offset >= stretches.range_from
            and events.kafka_offset < stretches.range_to

)

select
    log_id,
    kafka_partition,
    from_position,
    to_position,
    $committed_date::date as committed_date,
    window_start,
    country,
    carrier,
    application_id,
    channel,
    sender_type,
    outcome,
    error_code,
    sum(events)::bigint as events,
    sum(segments)::bigint as segments,
    sum(stored_events)::bigint as stored_events,
    sum(stored_segments)::bigint as stored_segments,
    max(stored_rules)::integer as stored_rules,
    rules_version::integer as rules_version
from (
    select * from stored
    union all by name
    select * from recounted
) as both_counts
group by all
order by window_start, log_id, kafka_partition, country, outcome
