-- report:   missing_receipts
-- question: With which carriers does the receipt never come, and how often?
-- grain:    one row per country and carrier; with --window one per window_start too
-- counts:   events
-- time:     event time
-- sums:     day
-- depends:  rate_report_macros, countries, rate_macros
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
--   carrier      | varchar     | Carrier's name as sent; null if not sent.
--   unknown      | bigint      | Events 9902 or 902: no receipt came in time, count.
--   finished     | bigint      | Delivered, failed and unknown events, count.
--   unknown_rate | double      | unknown / finished, from 0 to 1.
--   low          | double      | Lower bound of its 95 % Wilson interval.
--   high         | double      | Upper bound of its 95 % Wilson interval.
--   enough       | boolean     | Whether finished is large enough for a rate: from 20.
-- notes:    No receipt is no failure: the message may well have arrived. The provider
--           gives up after 73 hours (2 hours until July 2026), so what is counted here
--           was sent three days before. Routes without a missing receipt are left out.
--           The most missing receipts first.
-- check:    unknown <= finished
-- check:    low <= unknown_rate and unknown_rate <= high
-- check:    unique window_start, country, carrier
-- check:    altogether sum(unknown) = (
--               select sum(events) from stored_window_counts
--               where outcome = 'unknown'
--           )

select
    rates.window_start,
    rates.country,
    countries.name as country_name,
    rates.carrier,
    rates.unknown,
    rates.finished,
    rates.unknown_rate,
    wilson_low(rates.unknown, rates.finished) as low,
    wilson_high(rates.unknown, rates.finished) as high,
    rates.enough
from
    failure_rates_of(
        ['country', 'carrier'],
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
where rates.unknown > 0
order by
    rates.window_start asc,
    rates.unknown desc,
    rates.country asc,
    rates.carrier asc
