-- report:   failure_rates_by_error_code
-- question: With which error codes do messages fail, and how often?
-- grain:    one row per error_code; with --window one per window_start and error_code
-- counts:   events
-- depends:  stored_window_counts, error_code_meanings, rate_macros, window_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $window interval; null for none
-- columns:
--   window_start | timestamptz | Start of the window, event time; only with --window.
--   error_code   | integer     | Error code as sent; null for a failure without one.
--   meaning      | varchar     | What it means, in words.
--   fault        | varchar     | Who is most likely at fault: a judgement.
--   events       | bigint      | Failed and unknown events with the code, count.
--   finished     | bigint      | All delivered, failed and unknown events, count.
--   rate         | double      | events / finished, from 0 to 1.
--   low          | double      | Lower bound of its 95 % Wilson interval.
--   high         | double      | Upper bound of its 95 % Wilson interval.
--   enough       | boolean     | Whether finished is large enough for a rate: from 20.
-- notes:    finished is that of the whole window, with any code or none, so the rates
--           of all codes add up to failure_rate + unknown_rate of report overview.
--           The most frequent code first.
-- check:    events <= finished
-- check:    low <= rate and rate <= high
-- check:    unique window_start, error_code

with

cells as (

    select
        window_of(window_start, $window::interval) as window_start,
        outcome,
        error_code,
        events
    from stored_window_counts
    where
        window_start >= $since
        and window_start < $until
        and outcome in ('delivered', 'failed', 'unknown')

),

finished as (

    select
        window_start,
        sum(events) as finished
    from cells
    group by window_start

),

undelivered as (

    select
        window_start,
        error_code,
        sum(events) as events
    from cells
    where outcome in ('failed', 'unknown')
    group by window_start, error_code

)

select
    undelivered.window_start,
    undelivered.error_code,
    coalesce(error_code_meanings.meaning, 'no code given') as meaning,
    coalesce(error_code_meanings.fault, 'unknown') as fault,
    undelivered.events::bigint as events,
    finished.finished::bigint as finished,
    undelivered.events / finished.finished as rate,
    wilson_low(undelivered.events, finished.finished) as low,
    wilson_high(undelivered.events, finished.finished) as high,
    is_enough(finished.finished) as enough
from undelivered
inner join finished
    on undelivered.window_start is not distinct from finished.window_start
left join error_code_meanings
    on undelivered.error_code = error_code_meanings.error_code
order by
    undelivered.window_start asc,
    undelivered.events desc,
    undelivered.error_code asc
