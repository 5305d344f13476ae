-- report:   failure_rates_by_country
-- question: In which countries do messages fail, and how often?
-- grain:    one row per country; with --window one per window_start and country
-- counts:   events
-- depends:  stored_window_counts, countries, rate_macros, window_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $window interval; null for none
-- columns:
--   window_start | timestamptz | Start of the window, event time; only with --window.
--   country      | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   country_name | varchar     | Its English name.
--   delivered    | bigint      | Events delivered, count.
--   failed       | bigint      | Events failed, count.
--   unknown      | bigint      | Events that ended without a receipt, count.
--   finished     | bigint      | delivered + failed + unknown, count.
--   failure_rate | double      | failed / finished, from 0 to 1.
--   low          | double      | Lower bound of its 95 % Wilson interval.
--   high         | double      | Upper bound of its 95 % Wilson interval.
--   unknown_rate | double      | unknown / finished, from 0 to 1.
--   enough       | boolean     | Whether finished is large enough for a rate: from 20.
-- notes:    Countries without a finished event are left out. The most failures first.
-- check:    delivered + failed + unknown = finished
-- check:    low <= failure_rate and failure_rate <= high
-- check:    unique window_start, country

with

cells as (

    select
        window_of(window_start, $window::interval) as window_start,
        country,
        outcome,
        events
    from stored_window_counts
    where
        window_start >= $since
        and window_start < $until
        and outcome in ('delivered', 'failed', 'unknown')

),

counted as (

    select
        window_start,
        country,
        coalesce(sum(events) filter (where outcome = 'delivered'), 0) as delivered,
        coalesce(sum(events) filter (where outcome = 'failed'), 0) as failed,
        coalesce(sum(events) filter (where outcome = 'unknown'), 0) as unknown,
        sum(events) as finished
    from cells
    group by window_start, country

)

select
    counted.window_start,
    counted.country,
    countries.name as country_name,
    counted.delivered::bigint as delivered,
    counted.failed::bigint as failed,
    counted.unknown::bigint as unknown,
    counted.finished::bigint as finished,
    counted.failed / counted.finished as failure_rate,
    wilson_low(counted.failed, counted.finished) as low,
    wilson_high(counted.failed, counted.finished) as high,
    counted.unknown / counted.finished as unknown_rate,
    is_enough(counted.finished) as enough
from counted
left join countries on counted.country = countries.country
order by counted.window_start asc, counted.failed desc, counted.country asc
