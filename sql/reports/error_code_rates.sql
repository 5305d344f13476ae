-- report:   error_code_rates
-- question: With which error codes do messages of each group of --by fail?
-- grain:    one row per group of --by and error_code; with --window one per
--           window_start too
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
--           $by varchar[], the dimensions asked for
-- columns:
--   window_start   | timestamptz | Start of the window, event time; only with --window.
--   country        | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   carrier        | varchar     | Carrier's name as sent; null if not sent.
--   application_id | varchar     | Application of the message.
--   channel        | varchar     | SMS, MMS or RBM; null where not sent.
--   sender_type    | varchar     | toll_free, short_code, long_code, alphanumeric.
--   sender         | varchar     | Number or name it was sent from.
--   tag            | varchar     | Tag it was sent with; null if not sent.
--   error_code     | integer     | Error code as sent; null for a failure without one.
--   meaning        | varchar     | What it means, in words.
--   fault          | varchar     | Who is most likely at fault: a judgement.
--   events         | bigint      | Failed and unknown events with the code, count.
--   finished       | bigint      | Group's delivered, failed and unknown events, count.
--   rate           | double      | events / finished, from 0 to 1.
--   low            | double      | Lower bound of its 95 % Wilson interval.
--   high           | double      | Upper bound of its 95 % Wilson interval.
--   enough         | boolean     | Whether finished is enough for a rate: from 20.
-- notes:    The same as report failure_rates with error_code in --by, such as --by
--           carrier,error_code; columns that --by does not name are left out.
--           finished is that of the group and window, with any code or none.
--           The most frequent first.
-- check:    events <= finished
-- check:    low <= rate and rate <= high
-- check:    unique window_start, country, carrier, application_id, channel,
--           sender_type, sender, tag, error_code
-- check:    altogether sum(events) = (
--               select sum(events) from stored_window_counts
--               where outcome in ('failed', 'unknown')
--           )

select
    window_start,
    country,
    carrier,
    application_id,
    channel,
    sender_type,
    sender,
    tag,
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
        $by::varchar[],
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
    country asc,
    carrier asc,
    application_id asc,
    channel asc,
    sender_type asc,
    sender asc,
    tag asc,
    error_code asc
