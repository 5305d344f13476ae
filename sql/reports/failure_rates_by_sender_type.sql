-- report:   failure_rates_by_sender_type
-- question: From which types of sender do messages fail, and how often?
-- grain:    one row per sender_type; with --window one per window_start and sender_type
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
--   sender_type  | varchar     | toll_free, short_code, long_code, alphanumeric.
--   delivered    | bigint      | Events delivered, count.
--   failed       | bigint      | Events failed, count.
--   unknown      | bigint      | Events that ended without a receipt, count.
--   finished     | bigint      | delivered + failed + unknown, count.
--   failure_rate | double      | failed / finished, from 0 to 1.
--   low          | double      | Lower bound of its 95 % Wilson interval.
--   high         | double      | Upper bound of its 95 % Wilson interval.
--   unknown_rate | double      | unknown / finished, from 0 to 1.
--   enough       | boolean     | Whether finished is large enough for a rate: from 20.
-- notes:    The most failures first.
-- check:    delivered + failed + unknown = finished
-- check:    low <= failure_rate and failure_rate <= high
-- check:    unique window_start, sender_type
-- check:    altogether sum(finished) = (
--               select sum(events) from stored_window_counts
--               where outcome in ('delivered', 'failed', 'unknown')
--           )

select
    window_start,
    sender_type,
    delivered,
    failed,
    unknown,
    finished,
    failure_rate,
    low,
    high,
    unknown_rate,
    enough
from
    failure_rates_of(
        ['sender_type'],
        $window,
        $since,
        $until,
        $country,
        $application,
        $carrier,
        $sender,
        $tag
    )
order by window_start asc, failed desc, sender_type asc
