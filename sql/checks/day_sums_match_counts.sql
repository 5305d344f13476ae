-- check:    day_sums_match_counts
-- question: Which sums by the day differ from the counts that they sum?
-- grain:    one row per date of commits, day of event time, and cell but its minute
-- counts:   events
-- depends:  stored_window_counts, day_sums, window_macros
-- columns:
--   committed_date  | date        | UTC date of the commits.
--   window_start    | timestamptz | Start of the day of event time, UTC.
--   country         | varchar     | Dimension of the cell.
--   carrier         | varchar     | Dimension of the cell.
--   application_id  | varchar     | Dimension of the cell.
--   channel         | varchar     | Dimension of the cell.
--   sender_type     | varchar     | Dimension of the cell.
--   outcome         | varchar     | Dimension of the cell.
--   error_code      | integer     | Dimension of the cell.
--   events          | bigint      | Events in table window_counts, count.
--   summed_events   | bigint      | Events in the sums, count.
--   segments        | bigint      | Segments in table window_counts, count.
--   summed_segments | bigint      | Segments in the sums, count.
-- notes:    Sums are only a copy: removing the files of window_counts/_day_sums loses
--           nothing, and the next `undelivered maintain` makes them again.

with

stored as (

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
        events,
        0 as summed_events,
        segments,
        0 as summed_segments
    from stored_window_counts
    where list_contains(getvariable('summed_dates'), committed_date)

),

summed as (

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
        0 as events,
        events as summed_events,
        0 as segments,
        segments as summed_segments
    from day_sums

)

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
    sum(events)::bigint as events,
    sum(summed_events)::bigint as summed_events,
    sum(segments)::bigint as segments,
    sum(summed_segments)::bigint as summed_segments
from (
    select * from stored
    union all by name
    select * from summed
) as both_counts
group by all
having
    sum(events) <> sum(summed_events)
    or sum(segments) <> sum(summed_segments)
