-- macros:   cell_macros
-- question: How many events of each kind were there in a period, of what was asked for?
-- depends:  stored_window_counts, events, filter_macros
-- notes:    cells_between(begins, ends, of_countries, of_applications, of_carriers,
--           of_senders, of_tags, by_rows): events and segments of each cell with
--           begins <= window_start < ends, event time. The lists are those of is_asked.
--           Where neither senders nor tags are asked for and by_rows is false, it
--           reads table window_counts, and sender and tag are null: milliseconds over
--           years. Else it reads the events row by row, and a cell is one event, its
--           window_start the time at which it is counted. Both give the same sums.

create or replace macro cells_between(
    begins,
    ends,
    of_countries,
    of_applications,
    of_carriers,
    of_senders,
    of_tags,
    by_rows
) as table

    select
        window_start,
        country,
        carrier,
        application_id,
        channel,
        sender_type,
        null::varchar as sender,
        null::varchar as tag,
        outcome,
        error_code,
        events,
        segments
    from stored_window_counts
    where
        not by_rows
        and of_senders is null
        and of_tags is null
        and window_start >= begins
        and window_start < ends
        and is_asked(country, of_countries)
        and is_asked(application_id, of_applications)
        and is_asked(carrier, of_carriers)

    union all

    select
        counted_at as window_start,
        destination_country as country,
        carrier_name as carrier,
        application_id,
        channel,
        sender_type,
        sender,
        tag,
        outcome,
        error_code,
        1::bigint as events,
        coalesce(segment_count, 0)::bigint as segments
    from events
    where
        (by_rows or of_senders is not null or of_tags is not null)
        and counted_at >= begins
        and counted_at < ends
        and is_asked(destination_country, of_countries)
        and is_asked(application_id, of_applications)
        and is_asked(carrier_name, of_carriers)
        and is_asked(sender, of_senders)
        and is_asked(tag, of_tags);
