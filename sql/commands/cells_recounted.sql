-- command:  cells_recounted
-- question: How many events has each cell of a period, below given positions?
-- grain:    one row per minute and value of every dimension
-- counts:   events
-- depends:  events, window_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $log_ids varchar[], life of the topic of each position
--           $partitions integer[], partition of each position
--           $positions bigint[], offset from which on nothing is counted
-- columns:
--   window_start   | timestamptz | Start of the minute of event time.
--   country        | varchar     | Destination, ISO 3166 alpha-2.
--   carrier        | varchar     | Carrier's name as sent.
--   application_id | varchar     | Application of the message.
--   channel        | varchar     | SMS, MMS or RBM; null where not sent.
--   sender_type    | varchar     | toll_free, short_code, long_code, alphanumeric.
--   outcome        | varchar     | Outcome of the events.
--   error_code     | integer     | Error code as sent; null for none.
--   events         | bigint      | Events, count; copies are not.
-- notes:    What `undelivered check` compares the monitor's answer with, at the
--           positions that the answer names.

with

told as (

    select
        unnest($log_ids::varchar[]) as log_id,
        unnest($partitions::integer[]) as kafka_partition,
        unnest($positions::bigint[]) as position

)

select
    window_of(events.counted_at, interval '1 minute') as window_start,
    events.destination_country as country,
    events.carrier_name as carrier,
    events.application_id,
    events.channel,
    events.sender_type,
    events.outcome,
    events.error_code,
    count(*) as events
from events
inner join told
    on
        events.log_id = told.log_id
        and events.kafka_partition = told.kafka_partition
        and events.kafka_offset < told.position
where
    events.counted_at >= $since::timestamptz
    and events.counted_at < $until::timestamptz
    and events.received_at >= $since::timestamptz - interval '5 minutes'
group by all
