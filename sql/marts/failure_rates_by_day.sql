-- view:     failure_rates_by_day
-- question: How often did messages of each kind fail in each day?
-- grain:    one row per day and one value of every dimension, where anything finished
-- counts:   events
-- depends:  stored_window_counts, window_rate_macros
-- columns:
--   window_start   | timestamptz | Start of the day of event time, UTC.
--   country        | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   carrier        | varchar     | Carrier's name as sent.
--   application_id | varchar     | Application of the message.
--   channel        | varchar     | SMS, MMS or RBM; null where not sent.
--   sender_type    | varchar     | toll_free, short_code, long_code, alphanumeric.
--   delivered      | bigint      | Events delivered, count.
--   failed         | bigint      | Events failed, count.
--   unknown        | bigint      | Events that ended without a receipt, count.
--   finished       | bigint      | delivered + failed + unknown, count.
--   failure_rate   | double      | failed / finished, from 0 to 1.
--   low            | double      | Lower bound of its 95 % Wilson interval.
--   high           | double      | Upper bound of its 95 % Wilson interval.
--   unknown_rate   | double      | unknown / finished, from 0 to 1.
--   enough         | boolean     | Whether finished is enough for a rate: from 20.
-- notes:    Rates cannot be added up: add up the counts and divide, or ask report
--           failure_rates with --by and --window 1d.
-- check:    unique window_start, country, carrier, application_id, channel, sender_type
-- check:    delivered + failed + unknown = finished
-- check:    altogether sum(finished) = (
--               select sum(events) from stored_window_counts
--               where outcome in ('delivered', 'failed', 'unknown')
--           )

create or replace view failure_rates_by_day as

select
    window_start,
    country,
    carrier,
    application_id,
    channel,
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
from window_rates(interval '1 day')
