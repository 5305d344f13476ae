-- macros:   sent_macros
-- question: What was told of each message that was sent, and of which was nothing told?
-- depends:  sent, events, message_macros, filter_macros, stored_window_counts
-- notes:    plain_number(number): a number as the logs are brought into form, with its
--           plus.
--           standings_between(begins, ends, of_countries, of_applications, of_senders):
--           rows of view sent_messages with begins <= sent_at < ends; the lists are
--           those of is_asked.
--           unlisted_between(the same): the messages of view messages, sent in the
--           period, that no log has.
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
            error_code,
            counted_at,
            case outcome
                when 'delivered' then 1
                when 'read' then 1
                when 'failed' then 2
                when 'unknown' then 3
                else 4
            end as standing
        from events
        where
            outcome <> 'inbound'
            and coalesce(message_time, counted_at) >= begins - interval '1 day'
            and coalesce(message_time, counted_at) < ends + interval '5 days'
            and message_id in (select listed.message_id from listed)

    ),

    told_of_each as (

        select
            message_id,
            destination,
            min(struct_pack(
                standing := standing,
                decided_at := counted_at,
                error_code := error_code
            )) as best,
            min(application_id) as application_id,
            count(*) as events
        from told
        group by message_id, destination

    ),

    told_of_any as (

        select
            message_id,
            min(best) as best,
            min(application_id) as application_id,
            sum(events) as events
        from told_of_each
        group by message_id

    ),

    newest as (

        select max(window_start) as counted_until from stored_window_counts

    ),

    minutes as (

        select distinct window_start from stored_window_counts
        where window_start >= begins - interval '7 days'

    ),

    found as (

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
            minutes.window_start >= listed.sent_at - interval '7 days' as is_recorded,
            epoch(newest.counted_until) - epoch(listed.sent_at) as age
        from listed
        left join told_of_each as of_each
            on
                listed.message_id = of_each.message_id
                and listed.destination = of_each.destination
        left join told_of_any as of_any
            on
                listed.message_id = of_any.message_id
                and listed.numbers = 1
        cross join newest
        asof left join minutes
            on listed.sent_at >= minutes.window_start

    )

    select
        message_id,
        destination,
        destination_country,
        case
            when best.standing < 4 then 'answered'
            when best.standing = 4 then 'in_progress'
            when not coalesce(is_recorded, false) then 'not_recorded'
            when not coalesce(age >= 97 * 3600, false) then 'waiting'
            else 'without_event'
        end as standing,
        ['delivered', 'failed', 'unknown', null][best.standing] as outcome,
        case when best.standing < 4 then best.error_code end as error_code,
        sent_at,
        case when best.standing < 4 then best.decided_at end as final_at,
        sender,
        application_id,
        events,
        coalesce(is_recorded and age >= 97 * 3600, false) as is_settled,
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

    )

    select messages.*
    from
        messages_between(
            begins,
            ends,
            of_countries,
            of_applications,
            null,
            of_senders,
            null
        ) as messages
    left join listed on messages.message_id = listed.message_id
    where
        listed.message_id is null
        or (
            len(listed.numbers) > 1
            and not list_contains(
                listed.numbers, plain_number(messages.destination)
            )
        );
