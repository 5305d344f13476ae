-- command:  sums_by_day
-- question: What are the sums by the day of the files that are read?
-- grain:    one row per date of commits, day of event time, and cell but its minute
-- counts:   events
-- depends:  stored_window_counts, window_macros
-- columns:
--   committed_date | date        | UTC date of the commits.
--   window_start   | timestamptz | Start of the day of event time, UTC.
--   country        | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   carrier        | varchar     | Carrier's name as sent.
--   application_id | varchar     | Application of the message.
--   channel        | varchar     | SMS, MMS or RBM; null where not sent.
--   sender_type    | varchar     | toll_free, short_code, long_code, alphanumeric.
--   outcome        | varchar     | Outcome of the events.
--   error_code     | integer     | Error code as sent; null for none.
--   events         | bigint      | Their events, count; copies are not.
--   segments       | bigint      | Sum of their segment counts as sent.
-- notes:    What `undelivered maintain` keeps beside table window_counts.

select
    committed_date,
    window_of(window_start, interval '1 day') as window_start,
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
having sum(events) <> 0 or sum(segments) <> 0
order by window_start, committed_date, country, outcome
