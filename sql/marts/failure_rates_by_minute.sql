-- view:     failure_rates_by_minute
-- question: How many events of each kind were there in each minute?
-- grain:    one row per cell: a minute and one value of every dimension
-- counts:   events
-- depends:  stored_window_counts
-- columns:
--   window_start   | timestamptz | Start of the minute of event time, UTC.
--   country        | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   carrier        | varchar     | Carrier's name as sent.
--   application_id | varchar     | Application of the message.
--   channel        | varchar     | SMS, MMS or RBM; null where not sent.
--   sender_type    | varchar     | toll_free, short_code, long_code, alphanumeric.
--   outcome        | varchar     | delivered, failed, unknown, in_progress, read, …
--   error_code     | integer     | Error code as sent; null for none.
--   events         | bigint      | Events, count; copies are not counted.
--   segments       | bigint      | Sum of their segment counts as sent.
-- notes:    Adds up the increments of table window_counts. A minute is final only when
--           every event of it has come, which can be days; nothing is dropped for
--           being late.
--           failure_rate = failed / (delivered + failed + unknown), and so on.
-- check:    unique window_start, country, carrier, application_id, channel,
--           sender_type, outcome, error_code
-- check:    events > 0

create or replace view failure_rates_by_minute as

select
    window_start,
    country,
    carrier,
    application_id,
    channel,
    sender_type,
    outcome,
    error_code,
    sum(events)::bigint as events,
    sum(segments)::bigint as segments
from stored_window_counts
group by all
having sum(events) <> 0
