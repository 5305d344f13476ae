-- report:   failure_rates
-- question: In which groups of --by do messages fail, and how often?
-- grain:    one row per group of --by; with --window one per window_start and group
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
--   delivered      | bigint      | Events delivered, count.
--   failed         | bigint      | Events failed, count.
--   unknown        | bigint      | Events that ended without a receipt, count.
--   finished       | bigint      | delivered + failed + unknown, count.
--   failure_rate   | double      | failed / finished, from 0 to 1.
--   low            | double      | Lower bound of its 95 % Wilson interval.
--   high           | double      | Upper bound of its 95 % Wilson interval.
--   unknown_rate   | double      | unknown / finished, from 0 to 1.
--   enough         | boolean     | Whether finished is enough for a rate: from 20.
-- notes:    --by takes any of country, carrier, application, channel, sender_type,
--           sender, tag, such as --by country,carrier; columns that it does not name
--           are left out. With error_code in it, see report error_code_rates.
--           With sender or tag it reads the events row by row.
--           The most failures first.
-- check:    delivered + failed + unknown = finished
-- check:    low <= failure_rate and failure_rate <= high
-- check:    unique window_start, country, carrier, application_id, channel,
--           sender_type, sender, tag
-- check:    altogether sum(finished) = (
--               select sum(events) from stored_window_counts
--               where outcome in ('delivered', 'failed', 'unknown')
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
    failed desc,
    country asc,
    carrier asc,
    application_id asc,
    channel asc,
    sender_type asc,
    sender asc,
    tag asc
