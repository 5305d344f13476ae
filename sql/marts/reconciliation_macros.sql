-- macros:   reconciliation_macros
-- question: How many of the messages sent were told of, in each group?
-- depends:  sent_macros, window_macros, rate_macros
-- notes:    reconciliation_of(groups, length, then what standings_between takes): one
--           row for each window of the length and each group; groups is a list of
--           country, application_id, sender. Those that are not in it are null.

create or replace macro reconciliation_of(
    groups,
    length,
    begins,
    ends,
    of_countries,
    of_applications,
    of_senders
) as table

    with

    known as (

        select
            sent_at,
            destination_country,
            application_id,
            sender,
            standing,
            is_settled
        from
            standings_between(
                begins, ends, of_countries, of_applications, of_senders
            )

        union all

        select
            sent_at,
            destination_country,
            application_id,
            sender,
            'unlisted' as standing,
            false as is_settled
        from
            unlisted_between(
                begins, ends, of_countries, of_applications, of_senders
            )

    ),

    counted as (

        select
            window_of(sent_at, length::interval) as window_start,
            case when list_contains(groups, 'country') then destination_country end
                as country,
            case when list_contains(groups, 'application_id') then application_id end
                as application_id,
            case when list_contains(groups, 'sender') then sender end as sender,
            count(*) filter (where standing <> 'unlisted') as sent,
            count(*) filter (where standing = 'answered') as answered,
            count(*) filter (where standing = 'in_progress') as in_progress,
            count(*) filter (where standing = 'without_event') as without_event,
            count(*) filter (where standing = 'waiting') as waiting,
            count(*) filter (where standing = 'not_recorded') as not_recorded,
            count(*) filter (where is_settled) as settled,
            count(*) filter (where standing = 'unlisted') as unlisted
        from known
        group by all

    )

    select
        *,
        without_event / nullif(settled, 0) as silent_rate,
        wilson_low(without_event, settled) as low,
        wilson_high(without_event, settled) as high,
        is_enough(settled) as enough
    from counted;
