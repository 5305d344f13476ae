-- command:  counts_with_day_sums
-- question: What are the counts of a period, by the day wherever days are enough?
-- grain:    one row per increment, or per cell and day of those that are summed
-- counts:   events
-- depends:  variable window_counts_files, variable summed_dates, variable edge_days,
--           day_sums
-- columns:
--   committed_date | date        | UTC date of the commit.
--   window_start   | timestamptz | Start of the minute or day of event time, UTC.
--   country        | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   carrier        | varchar     | Carrier's name as sent.
--   application_id | varchar     | Application of the message.
--   channel        | varchar     | SMS, MMS or RBM; null where not sent.
--   sender_type    | varchar     | toll_free, short_code, long_code, alphanumeric.
--   outcome        | varchar     | Outcome of the events.
--   error_code     | integer     | Error code as sent; null for none.
--   events         | bigint      | Events the cell gained, count; copies are not.
--   segments       | bigint      | Sum of their segment counts as sent.
-- notes:    Takes the place of stored_window_counts for a report. Dates of commits that
--           are summed are read by the minute only for the days in which a period
--           begins or ends; sums stand for all other days of them.

select
    committed_date,
    window_start,
    country,
    carrier,
    application_id,
    channel,
    sender_type,
    outcome,
    error_code,
    events,
    segments
from
    read_parquet(
        getvariable('window_counts_files'),
        hive_partitioning = true,
        hive_types = {
            'committed_date': date
        }
    )
where
    not list_contains(getvariable('summed_dates'), committed_date)
    or list_contains(
        getvariable('edge_days'), window_of(window_start, interval '1 day')
    )

union all

select
    committed_date,
    window_start,
    country,
    carrier,
    application_id,
    channel,
    sender_type,
    outcome,
    error_code,
    events,
    segments
from day_sums
where not list_contains(getvariable('edge_days'), window_start)
