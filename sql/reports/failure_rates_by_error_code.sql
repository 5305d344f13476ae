-- report:   failure_rates_by_error_code
-- question: With which error codes do messages fail, and how often?
-- grain:    one row per error_code; with --window one per window_start and error_code
-- counts:   events
-- time:     event time
-- sums:     day
-- depends:  rate_report_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $window interval; null for none
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
--           $sender varchar[]; null for all
--           $tag varchar[]; null for all
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
-- check:    altogether sum(events) = (
--               select sum(events) from stored_window_counts
--               where outcome in ('failed', 'unknown')
--           )

select
    window_start,
    error_code,
    meaning,
    fault,
    events,
    finished,
    rate,
    low,
    high,
    enough
from
    error_code_rates_of(
        []::varchar[],
        $window,
        $since,
        $until,
        $country,
        $application,
        $carrier,
        $sender,
        $tag
    )
order by
    window_start asc,
    events desc,
    error_code asc
