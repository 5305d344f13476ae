-- macros:   window_rate_macros
-- question: How often did messages of each kind fail in each window of a length?
-- depends:  stored_window_counts, rate_macros, window_macros
-- notes:    window_rates(length): one row for each window of the length and one value
--           of every dimension, where anything finished; what failure_rates_by_hour and
--           failure_rates_by_day show.

create or replace macro window_rates(length) as table

    with

    counted as (

        select
            window_of(window_start, length) as window_start,
            country,
            carrier,
            application_id,
            channel,
            sender_type,
            coalesce(sum(events) filter (where outcome = 'delivered'), 0) as delivered,
            coalesce(sum(events) filter (where outcome = 'failed'), 0) as failed,
            coalesce(sum(events) filter (where outcome = 'unknown'), 0) as unknown,
            sum(events) as finished
        from stored_window_counts
        where outcome in ('delivered', 'failed', 'unknown')
        group by all

    )

    select
        window_start,
        country,
        carrier,
        application_id,
        channel,
        sender_type,
        delivered::bigint as delivered,
        failed::bigint as failed,
        unknown::bigint as unknown,
        finished::bigint as finished,
        failed / finished as failure_rate,
        wilson_low(failed, finished) as low,
        wilson_high(failed, finished) as high,
        unknown / finished as unknown_rate,
        is_enough(finished) as enough
    from counted
    where finished > 0
