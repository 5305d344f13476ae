-- report:   failure_rates_by_tag
-- question: With which tags do messages fail, and how often?
-- grain:    one row per tag; with --window one per window_start and tag
-- counts:   events
-- time:     event time
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
--   tag          | varchar     | Tag it was sent with; null if not sent.
--   delivered    | bigint      | Events delivered, count.
--   failed       | bigint      | Events failed, count.
--   unknown      | bigint      | Events that ended without a receipt, count.
--   finished     | bigint      | delivered + failed + unknown, count.
--   failure_rate | double      | failed / finished, from 0 to 1.
--   low          | double      | Lower bound of its 95 % Wilson interval.
--   high         | double      | Upper bound of its 95 % Wilson interval.
--   unknown_rate | double      | unknown / finished, from 0 to 1.
--   enough       | boolean     | Whether finished is large enough for a rate: from 20.
-- notes:    Reads the events row by row: the counts have no tags.
--           The most failures first.
-- check:    delivered + failed + unknown = finished
-- check:    low <= failure_rate and failure_rate <= high
-- check:    unique window_start, tag
-- check:    altogether sum(finished) = (
--               select count(*) from events
--               where outcome in ('delivered', 'failed', 'unknown')
--           )

select
    window_start,
    tag,
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
        ['tag'],
        $window,
        $since,
        $until,
        $country,
        $application,
        $carrier,
        $sender,
        $tag
    )
order by window_start asc, failed desc, tag asc
