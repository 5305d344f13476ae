-- report:   late_and_repeated
-- question: How late do callbacks come, and how many come again?
-- grain:    one row per step of lateness
-- counts:   callbacks: events, and copies of them
-- time:     received at
-- depends:  callbacks, filter_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
--           $sender varchar[]; null for all
--           $tag varchar[]; null for all
-- columns:
--   late      | varchar | How long after the event it was received.
--   events    | bigint  | Events received so late, count.
--   share     | double  | events / all events, from 0 to 1.
--   copies    | bigint  | Redeliveries of events received so late, count.
--   longest   | double  | The latest of both, seconds; null where it cannot be told.
-- notes:    received_at - event_time, by the broker's and the provider's clocks. Beyond
--           a minute the receiver was not there, or its answer was: the provider tries
--           for 24 hours. Imported callbacks are late by nature and have a row of their
--           own, and so has what carries no time, or one more than 5 minutes ahead. A
--           late event is counted in the minute it happened, a copy not at all.
-- check:    unique late
-- check:    altogether abs(sum(share) - 1) < 1e-9 or sum(events) = 0
-- check:    altogether sum(events) = (
--               select count(*) from events
--               where received_at >= $since and received_at < $until
--           )
-- check:    altogether sum(copies) = (
--               select count(*) from callbacks
--               where
--                   problem is null and is_copy
--                   and received_at >= $since and received_at < $until
--           )

with

received as (

    select
        is_copy,
        source,
        epoch(received_at) - epoch(event_time) as seconds,
        event_time is not null
        and event_time <= received_at + interval '5 minutes' as has_time
    from callbacks
    where
        problem is null
        and received_at >= $since
        and received_at < $until
        and is_asked(destination_country, $country)
        and is_asked(application_id, $application)
        and is_asked(carrier_name, $carrier)
        and is_asked(sender, $sender)
        and is_asked(tag, $tag)

),

placed as (

    select
        is_copy,
        case when has_time then seconds end as seconds,
        case
            when source = 'import' then 6
            when not has_time then 7
            when seconds < 60 then 1
            when seconds < 3600 then 2
            when seconds < 86400 then 3
            when seconds < 172800 then 4
            else 5
        end as step
    from received

),

counted as (

    select
        step,
        count(*) filter (where not is_copy) as events,
        count(*) filter (where is_copy) as copies,
        max(seconds) as longest
    from placed
    group by step

)

select
    [
        'under a minute',
        'a minute to an hour',
        'an hour to a day',
        'a day to two',
        'two days and more',
        'imported',
        'no usable time'
    ][step] as late,
    events,
    events / nullif(sum(events) over (), 0) as share,
    copies,
    longest
from counted
order by step
