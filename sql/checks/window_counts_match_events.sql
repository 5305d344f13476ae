-- check:    window_counts_match_events
-- question: Which cells of table window_counts differ from a recount of the events?
-- grain:    one row per cell that differs, within one partition of a log
-- counts:   events
-- depends:  stored_window_counts, events, positions, window_macros
-- params:   $rules_version integer, version of the rules that the recount follows
-- columns:
--   log_id             | varchar     | Life of the topic.
--   kafka_partition    | integer     | Partition.
--   window_start       | timestamptz | Minute of event time, UTC.
--   country            | varchar     | Dimension of the cell.
--   carrier            | varchar     | Dimension of the cell.
--   application_id     | varchar     | Dimension of the cell.
--   channel            | varchar     | Dimension of the cell.
--   sender_type        | varchar     | Dimension of the cell.
--   outcome            | varchar     | Dimension of the cell.
--   error_code         | integer     | Dimension of the cell.
--   events             | bigint      | Events in table window_counts, count.
--   recounted_events   | bigint      | Events in the recount, count.
--   segments           | bigint      | Segments in table window_counts, count.
--   recounted_segments | bigint      | Segments in the recount, count.
-- notes:    Recounts what lies below the position of table window_counts. Increments
--           that count callbacks which were dropped for their age are not compared.
--           Minutes of a partition that hold increments of another rules_version are
--           left out on both sides; other_rules_versions names them.

with

left_out as (

    select distinct
        log_id,
        kafka_partition,
        window_start
    from stored_window_counts
    where rules_version <> $rules_version

),

stored as (

    select
        counts.log_id,
        counts.kafka_partition,
        counts.window_start,
        counts.country,
        counts.carrier,
        counts.application_id,
        counts.channel,
        counts.sender_type,
        counts.outcome,
        counts.error_code,
        counts.events,
        0 as recounted_events,
        counts.segments,
        0 as recounted_segments
    from stored_window_counts as counts
    left join positions
        on
            counts.log_id = positions.log_id
            and counts.kafka_partition = positions.kafka_partition
    where counts.from_position >= coalesce(positions.compared_from, 0)

),

recounted as (

    select
        events.log_id,
        events.kafka_partition,
        window_of(events.counted_at, interval '1 minute') as window_start,
        events.destination_country as country,
        events.carrier_name as carrier,
        events.application_id,
        events.channel,
        events.sender_type,
        events.outcome,
        events.error_code,
        0 as events,
        1 as recounted_events,
        0 as segments,
        coalesce(events.segment_count, 0) as recounted_segments
    from events
    inner join positions
        on
            events.log_id = positions.log_id
            and events.kafka_partition = positions.kafka_partition
            and events.kafka_offset < positions.counted
            and events.kafka_offset >= positions.compared_from

),

cells as (

    select
        log_id,
        kafka_partition,
        window_start,
        country,
        carrier,
        application_id,
        channel,
        sender_type,
        outcome,
        error_code,
        sum(events)::bigint as events,
        sum(recounted_events)::bigint as recounted_events,
        sum(segments)::bigint as segments,
        sum(recounted_segments)::bigint as recounted_segments
    from (
        select * from stored
        union all
        select * from recounted
    ) as both_counts
    group by all

)

select cells.*
from cells
anti join left_out
    on
        cells.log_id = left_out.log_id
        and cells.kafka_partition = left_out.kafka_partition
        and cells.window_start = left_out.window_start
where
    cells.events <> cells.recounted_events
    or cells.segments <> cells.recounted_segments
order by cells.window_start, cells.log_id, cells.kafka_partition, cells.country
