-- macros:   rate_report_macros
-- question: How often do messages fail in each group, and with which error codes?
-- depends:  cell_macros, error_code_meanings, rate_macros, window_macros
-- notes:    failure_rates_of(groups, length, then what cells_between takes but
--           by_rows): one row for each window of the length and each group; groups is
--           a list of dimensions: country, carrier, application_id, channel,
--           sender_type, sender, tag. Those that are not in it are null.
--           error_code_rates_of(the same): one row for each error code in it too; its
--           sample is what finished in its group and window, with any code or none.
--           Only sender and tag need the events row by row.

create or replace macro grouped_cells(
    groups,
    length,
    begins,
    ends,
    of_countries,
    of_applications,
    of_carriers,
    of_senders,
    of_tags
) as table

    select
        window_of(window_start, length::interval) as window_start,
        case when list_contains(groups, 'country') then country end as country,
        case when list_contains(groups, 'carrier') then carrier end as carrier,
        case
            when list_contains(groups, 'application_id') then application_id
        end as application_id,
        case when list_contains(groups, 'channel') then channel end as channel,
        case when list_contains(groups, 'sender_type') then sender_type end
            as sender_type,
        case when list_contains(groups, 'sender') then sender end as sender,
        case when list_contains(groups, 'tag') then tag end as tag,
        outcome,
        error_code,
        sum(events)::bigint as events
    from
        cells_between(
            begins,
            ends,
            of_countries,
            of_applications,
            of_carriers,
            of_senders,
            of_tags,
            list_has_any(groups, ['sender', 'tag'])
        )
    where outcome in ('delivered', 'failed', 'unknown')
    group by all;

create or replace macro failure_rates_of(
    groups,
    length,
    begins,
    ends,
    of_countries,
    of_applications,
    of_carriers,
    of_senders,
    of_tags
) as table

    with

    counted as (

        select
            window_start,
            country,
            carrier,
            application_id,
            channel,
            sender_type,
            sender,
            tag,
            coalesce(sum(events) filter (where outcome = 'delivered'), 0) as delivered,
            coalesce(sum(events) filter (where outcome = 'failed'), 0) as failed,
            coalesce(sum(events) filter (where outcome = 'unknown'), 0) as unknown,
            sum(events) as finished
        from
            grouped_cells(
                groups,
                length,
                begins,
                ends,
                of_countries,
                of_applications,
                of_carriers,
                of_senders,
                of_tags
            )
        group by all

    )

    select
        window_start,
        country,
        carrier,
        application_id,
        channel,
        sender_type,
        sender,
        tag,
        delivered::bigint as delivered,
        failed::bigint as failed,
        unknown::bigint as unknown,
        finished::bigint as finished,
        failed / finished as failure_rate,
        wilson_low(failed, finished) as low,
        wilson_high(failed, finished) as high,
        unknown / finished as unknown_rate,
        is_enough(finished) as enough
    from counted;

create or replace macro error_code_rates_of(
    groups,
    length,
    begins,
    ends,
    of_countries,
    of_applications,
    of_carriers,
    of_senders,
    of_tags
) as table

    with

    coded as (

        select
            window_start,
            country,
            carrier,
            application_id,
            channel,
            sender_type,
            sender,
            tag,
            outcome <> 'delivered' as is_undelivered,
            case when outcome <> 'delivered' then error_code end as error_code,
            sum(events) as events
        from
            grouped_cells(
                groups,
                length,
                begins,
                ends,
                of_countries,
                of_applications,
                of_carriers,
                of_senders,
                of_tags
            )
        group by all

    ),

    counted as (

        select
            *,
            sum(events) over (
                partition by
                    window_start,
                    country,
                    carrier,
                    application_id,
                    channel,
                    sender_type,
                    sender,
                    tag
            ) as finished
        from coded

    )

    select
        counted.window_start,
        counted.country,
        counted.carrier,
        counted.application_id,
        counted.channel,
        counted.sender_type,
        counted.sender,
        counted.tag,
        counted.error_code,
        coalesce(error_code_meanings.meaning, 'no code given') as meaning,
        coalesce(error_code_meanings.fault, 'unknown') as fault,
        counted.events::bigint as events,
        counted.finished::bigint as finished,
        counted.events / counted.finished as rate,
        wilson_low(counted.events, counted.finished) as low,
        wilson_high(counted.events, counted.finished) as high,
        is_enough(counted.finished) as enough
    from counted
    left join error_code_meanings
        on counted.error_code = error_code_meanings.error_code
    where counted.is_undelivered;
