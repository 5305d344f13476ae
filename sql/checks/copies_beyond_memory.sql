-- note:     copies_beyond_memory
-- question: Which events were counted more than once, because nobody could know better?
-- grain:    one row per reason
-- counts:   events that repeat an earlier one and are not marked as copies
-- depends:  events
-- columns:
--   reason     | varchar     | Why the worker could not know.
--   events     | bigint      | Events that repeat an earlier one, count.
--   first_copy | timestamptz | When the first of them was received.
--   last_copy  | timestamptz | When the last of them was received.
-- notes:    Not a fault: a worker remembers what a partition saw for 26 to 39 hours. A
--           copy that comes later, or that a foreign producer wrote to another
--           partition, is an event of its own in all counts.

with

repeated as (

    select
        log_id,
        kafka_partition,
        received_at,
        lag(log_id) over same_event as earlier_log,
        lag(kafka_partition) over same_event as earlier_partition
    from events
    window same_event as (
        partition by message_id, destination, event_type, channel, error_code
        order by received_at, log_id, kafka_partition, kafka_offset, kafka_index
    )

)

select
    case
        when split_part(earlier_log, '~', 1) <> split_part(log_id, '~', 1)
            then 'in another log'
        when earlier_partition <> kafka_partition then 'in another partition'
        else 'after longer than a worker remembers'
    end as reason,
    count(*) as events,
    min(received_at) as first_copy,
    max(received_at) as last_copy
from repeated
where earlier_log is not null
group by reason
order by reason
