-- report:   new_error_codes
-- question: Which error codes came for the first time?
-- grain:    one row per error_code first seen in the period
-- counts:   events
-- time:     event time
-- depends:  stored_window_counts, error_code_meanings, filter_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
-- columns:
--   error_code     | integer     | Error code as sent.
--   first_seen     | timestamptz | Minute of its first event, UTC.
--   last_seen      | timestamptz | Minute of its last event in the period, UTC.
--   events         | bigint      | Its events in the period, count.
--   countries      | varchar[]   | Where it came from, the most events first.
--   carriers       | varchar[]   | Over which carriers, the most events first.
--   known_by       | varchar     | table, smpp, range or none: how it is known.
--   meaning        | varchar     | What it means, in words.
--   fault          | varchar     | Who is most likely at fault: a judgement.
-- notes:    First among all that the counts have, of the countries, applications and
--           carriers asked for, and they are kept longer than callbacks. In an archive
--           that has just begun every code is new. The latest first.
-- check:    events > 0
-- check:    first_seen <= last_seen
-- check:    unique error_code

with

coded as (

    select
        window_start,
        country,
        carrier,
        error_code,
        sum(events) as events
    from stored_window_counts
    where
        error_code is not null
        and window_start < $until
        and outcome in ('failed', 'unknown')
        and is_asked(country, $country)
        and is_asked(application_id, $application)
        and is_asked(carrier, $carrier)
    group by all
    having sum(events) <> 0

),

first_seen as (

    select
        error_code,
        min(window_start) as first_seen
    from coded
    group by error_code
    having min(window_start) >= $since

),

new as (

    select
        coded.*,
        first_seen.first_seen
    from coded
    inner join first_seen on coded.error_code = first_seen.error_code

),

events_by_country as (

    select
        error_code,
        country,
        sum(events) as events
    from new
    where country is not null
    group by error_code, country

),

by_country as (

    select
        error_code,
        list(country order by events desc, country asc) as countries
    from events_by_country
    group by error_code

),

events_by_carrier as (

    select
        error_code,
        carrier,
        sum(events) as events
    from new
    where carrier is not null
    group by error_code, carrier

),

by_carrier as (

    select
        error_code,
        list(carrier order by events desc, carrier asc) as carriers
    from events_by_carrier
    group by error_code

),

counted as (

    select
        error_code,
        min(first_seen) as first_seen,
        max(window_start) as last_seen,
        sum(events) as events
    from new
    group by error_code

)

select
    counted.error_code,
    counted.first_seen,
    counted.last_seen,
    counted.events::bigint as events,
    coalesce(by_country.countries, []) as countries,
    coalesce(by_carrier.carriers, []) as carriers,
    error_code_meanings.known_by,
    error_code_meanings.meaning,
    error_code_meanings.fault
from counted
left join by_country on counted.error_code = by_country.error_code
left join by_carrier on counted.error_code = by_carrier.error_code
left join error_code_meanings
    on counted.error_code = error_code_meanings.error_code
order by counted.first_seen desc, counted.error_code asc
