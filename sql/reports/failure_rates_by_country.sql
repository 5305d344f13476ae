-- report:   failure_rates_by_country
-- question: In which countries do messages fail, and how often?
-- grain:    one row per country; with --window one per window_start and country
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
-- check:    altogether sum(finished) = (
--               select sum(events) from stored_window_counts
--               where outcome in ('delivered', 'failed', 'unknown')
--           )

select
    rates.window_start,
    rates.country,
    countries.name as country_name,
    rates.delivered,
    rates.failed,
    rates.unknown,
    rates.finished,
    rates.failure_rate,
    rates.low,
    rates.high,
    rates.unknown_rate,
    rates.enough
from
    failure_rates_of(
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
order by rates.window_start asc, rates.failed desc, rates.country asc
