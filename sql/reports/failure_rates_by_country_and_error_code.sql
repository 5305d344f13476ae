-- report:   failure_rates_by_country_and_error_code
-- question: With which error codes do messages fail in each country, and how often?
-- grain:    one row per country and error_code; with --window one per window_start too
-- counts:   events
-- time:     event time
-- sums:     day
-- depends:  rate_report_macros, countries
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
--   country      | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   country_name | varchar     | Its English name.
--   error_code   | integer     | Error code as sent; null for a failure without one.
--   meaning      | varchar     | What it means, in words.
--   fault        | varchar     | Who is most likely at fault: a judgement.
--   events       | bigint      | Failed and unknown events with the code, count.
--   finished     | bigint      | Country's delivered, failed and unknown events, count.
--   rate         | double      | events / finished, from 0 to 1.
--   low          | double      | Lower bound of its 95 % Wilson interval.
--   high         | double      | Upper bound of its 95 % Wilson interval.
--   enough       | boolean     | Whether finished is large enough for a rate: from 20.
-- notes:    finished is that of the country and window, with any code or none.
--           The most frequent pair first.
-- check:    events <= finished
-- check:    low <= rate and rate <= high
-- check:    unique window_start, country, error_code
-- check:    altogether sum(events) = (
--               select sum(events) from stored_window_counts
--               where outcome in ('failed', 'unknown')
--           )

select
    rates.window_start,
    rates.country,
    countries.name as country_name,
    rates.error_code,
    rates.meaning,
    rates.fault,
    rates.events,
    rates.finished,
    rates.rate,
    rates.low,
    rates.high,
    rates.enough
from
    error_code_rates_of(
        ['country'],
        $window,
        $since,
        $until,
        $country,
        $application,
        $carrier,
        $sender,
        $tag
    ) as rates
left join countries on rates.country = countries.country
order by
    rates.window_start asc,
    rates.events desc,
    rates.country asc,
    rates.error_code asc
