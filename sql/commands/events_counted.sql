-- command:  events_counted
-- question: How many events has table window_counts, and how many are still to come?
-- grain:    one row
-- counts:   events
-- depends:  events, positions, stored_window_counts, window_macros
-- params:   $rules_version integer, version of the rules that a recount follows
-- columns:
--   compared    | bigint | Events that `undelivered check` recounts, count.
--   not_counted | bigint | Archived events that are not counted yet, count.
-- notes:    Minutes that hold increments of another rules_version are not compared, nor
--           increments that count callbacks which were dropped for their age.

with

left_out as (

    select distinct
        log_id,
        kafka_partition,
        window_start
    from stored_window_counts
    where rules_version <> $rules_version

),

placed as (

    select
        events.kafka_offset < coalesce(positions.counted, 0) as is_counted,
        events.kafka_offset < coalesce(positions.compared_from, 0) as is_old,
        left_out.window_start is not null as is_left_out
    from events
    left join positions
        on
            events.log_id = positions.log_id
            and events.kafka_partition = positions.kafka_partition
    left join left_out
        on
            events.log_id = left_out.log_id
            and events.kafka_partition = left_out.kafka_partition
            and window_of(events.counted_at, interval '1 minute')
            = left_out.window_start

)

select
    count(*) filter (where is_counted and not is_left_out and not is_old) as compared,
    count(*) filter (where not is_counted) as not_counted
from placed
