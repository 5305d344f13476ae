-- report:   overview
-- question: How much was sent, and what share of it arrived, failed, or is not known?
-- grain:    one row; with --window one row per window_start
-- counts:   events
-- time:     event time
-- sums:     day
-- depends:  cell_macros, rate_macros, window_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $window interval; null for none
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
--           $sender varchar[]; null for all
--           $tag varchar[]; null for all
-- columns:
--   window_start  | timestamptz | Start of the window, event time; only with --window.
--   delivered     | bigint      | Events delivered, count.
--   failed        | bigint      | Events failed, count.
--   unknown       | bigint      | Events that ended without a receipt, count.
--   finished      | bigint      | delivered + failed + unknown, count.
--   failure_rate  | double      | failed / finished, from 0 to 1.
--   low           | double      | Lower bound of its 95 % Wilson interval.
--   high          | double      | Upper bound of its 95 % Wilson interval.
--   unknown_rate  | double      | unknown / finished, from 0 to 1.
--   delivery_rate | double      | delivered / finished, from 0 to 1.
--   in_progress   | bigint      | Events sending or sent, count; not in finished.
--   read          | bigint      | Events read, count; not in finished.
--   inbound       | bigint      | Messages and answers received, count.
--   other         | bigint      | Events of any other type, count.
--   enough        | boolean     | Whether finished is large enough for a rate: from 20.
-- notes:    Adds up the increments of table window_counts without making cells first.
--           An event is an attempt: a message that failed on one channel and was
--           delivered on another is two. View messages counts messages.
--           Windows start at midnight UTC, those of whole weeks on Mondays.
-- check:    delivered + failed + unknown = finished
-- check:    abs(failure_rate + unknown_rate + delivery_rate - 1) < 1e-9
-- check:    low <= failure_rate and failure_rate <= high
-- check:    unique window_start
-- check:    altogether sum(finished + in_progress + read + inbound + other) = (
--               select sum(events) from stored_window_counts
--           )

with

cells as (

    select
        window_of(window_start, $window::interval) as window_start,
        outcome,
        events
    from
        cells_between(
            $since,
            $until,
            $country,
            $application,
            $carrier,
            $sender,
            $tag,
            false
        )

),

counted as (

    select
        window_start,
        coalesce(sum(events) filter (where outcome = 'delivered'), 0) as delivered,
        coalesce(sum(events) filter (where outcome = 'failed'), 0) as failed,
        coalesce(sum(events) filter (where outcome = 'unknown'), 0) as unknown,
        coalesce(sum(events) filter (where outcome = 'in_progress'), 0) as in_progress,
        coalesce(sum(events) filter (where outcome = 'read'), 0) as read,
        coalesce(sum(events) filter (where outcome = 'inbound'), 0) as inbound,
        coalesce(sum(events) filter (where outcome = 'other'), 0) as other
    from cells
    group by window_start

),

finished as (

    select
        *,
        delivered + failed + unknown as finished
    from counted

)

select
    window_start,
    delivered::bigint as delivered,
    failed::bigint as failed,
    unknown::bigint as unknown,
    finished::bigint as finished,
    failed / nullif(finished, 0) as failure_rate,
    wilson_low(failed, finished) as low,
    wilson_high(failed, finished) as high,
    unknown / nullif(finished, 0) as unknown_rate,
    delivered / nullif(finished, 0) as delivery_rate,
    in_progress::bigint as in_progress,
    read::bigint as read,
    inbound::bigint as inbound,
    other::bigint as other,
    is_enough(finished) as enough
from finished
order by window_start
