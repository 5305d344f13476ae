-- macros:   sent_macros
-- question: What was told of each message that was sent, and of which was nothing told?
-- depends:  sent, events, message_macros, filter_macros, stored_window_counts
-- notes:    plain_number(number): a number as the logs are brought into form, with its
--           plus.
--           standings_between(begins, ends, of_countries, of_applications, of_senders):
--           rows of view sent_messages with begins <= sent_at < ends; the lists are
--           those of is_asked.
--           unlisted_between(the same): messages with events, sent in the period, that
--           no log has.
--           A message is found by its id and number; one that was sent to one number
--           alone by its id, however the log writes the number. Clocks of log and
--           provider may differ by a day.
--           Nobody is accused early: the provider waits 73 hours for a receipt and
--           tries for another 24 to tell it, so a message without any event is waiting
--           until there are counts of a time 97 hours later. Nobody is accused without
--           a record: where the counts have nothing of the seven days before it was
--           sent, callbacks were not kept yet. Both are asked of table window_counts,
--           which is small, of all callbacks, and never ahead of table callbacks.

create or replace macro plain_number(number) as
case
    when regexp_full_match(number, '[0-9]{9,15}') then '+' || number
    else number
end;

create or replace macro standings_between(
    begins,
    ends,
    of_countries,
    of_applications,
    of_senders
) as table

    with

    listed as (

        select
            *,
            count(*) over (partition by message_id) as numbers
        from sent
        where sent_at >= begins and sent_at < ends

    ),

    told as (

        select
            message_id,
            plain_number(destination) as destination,
            application_id,
            counted_at,
            error_code,
            case outcome
                when 'delivered' then 1
                when 'read' then 1
                when 'failed' then 2
                when 'unknown' then 3
                else 4
            end as rank
        from events
        where
            outcome <> 'inbound'
            and coalesce(message_time, counted_at) >= begins - interval '1 day'
            and coalesce(message_time, counted_at) < ends + interval '5 days'

    ),

    told_of_each as (

        select
            told.message_id,
            told.destination,
            min(told.application_id) as application_id,
            min({
                'rank': told.rank,
                'decided_at': told.counted_at,
                'error_code': told.error_code
            }) as best,
            count(*) as events
        from told
        semi join listed on told.message_id = listed.message_id
        group by told.message_id, told.destination

    ),

    told_of_any as (

        select
            message_id,
            min(application_id) as application_id,
            min(best) as best,
            sum(events) as events
        from told_of_each
        group by message_id

    ),

    minutes as (

        select distinct window_start from stored_window_counts
        where window_start >= begins - interval '7 days'

    ),

    newest as (

        select max(window_start) as counted_until from stored_window_counts

    ),

    joined as (

        select
            listed.message_id,
            listed.destination,
            listed.destination_country,
            listed.sent_at,
            listed.sender,
            coalesce(
                listed.application_id, of_each.application_id, of_any.application_id
            ) as application_id,
            coalesce(of_each.best, of_any.best) as best,
            coalesce(of_each.events, of_any.events, 0)::bigint as events,
            minutes.window_start as recorded_before,
            epoch(newest.counted_until) - epoch(listed.sent_at) as age
        from listed
        cross join newest
        left join told_of_each as of_each
            on
                listed.message_id = of_each.message_id
                and listed.destination = of_each.destination
        left join told_of_any as of_any
            on
                listed.message_id = of_any.message_id
                and listed.numbers = 1
        asof left join minutes
            on listed.sent_at >= minutes.window_start

    ),

    found as (

        select
            *,
            struct_extract(best, 'rank') as rank,
            struct_extract(best, 'decided_at') as decided_at,
            struct_extract(best, 'error_code') as deciding_code,
            coalesce(recorded_before >= sent_at - interval '7 days', false)
                as is_recorded,
            coalesce(age >= 97 * 3600, false) as is_over
        from joined

    )

    select
        message_id,
        destination,
        destination_country,
        case
            when rank < 4 then 'answered'
            when rank = 4 then 'in_progress'
            when not is_recorded then 'not_recorded'
            when not is_over then 'waiting'
            else 'without_event'
        end as standing,
        ['delivered', 'failed', 'unknown', null][rank] as outcome,
        case when rank < 4 then deciding_code end as error_code,
        sent_at,
        case when rank < 4 then decided_at end as final_at,
        sender,
        application_id,
        events,
        is_recorded and is_over as is_settled,
        age::bigint as age_seconds
    from found
    where
        is_asked(destination_country, of_countries)
        and is_asked(application_id, of_applications)
        and is_asked(sender, of_senders);

create or replace macro unlisted_between(
    begins,
    ends,
    of_countries,
    of_applications,
    of_senders
) as table

    with

    listed as (

        select
            message_id,
            list(destination) as numbers
        from sent
        where
            sent_at >= begins - interval '1 day'
            and sent_at < ends + interval '1 day'
        group by message_id

    ),

    known as (

        select
            message_id,
            destination,
            destination_country,
            application_id,
            sender,
            coalesce(sent_at, final_at) as sent_at
        from
            messages_between(
                begins,
                ends,
                of_countries,
                of_applications,
                null,
                of_senders,
                null
            )

    )

    select
        known.message_id,
        known.destination,
        known.destination_country,
        known.application_id,
        known.sender,
        known.sent_at
    from known
    left join listed on known.message_id = listed.message_id
    where
        listed.message_id is null
        or (
            len(listed.numbers) > 1
            and not list_contains(listed.numbers, plain_number(known.destination))
        );
