-- macros:   cohort_macros
-- question: What has become of the messages sent in each hour, and what is usual?
-- depends:  message_macros, events, window_macros
-- notes:    cohorts_between(begins, ends, history, as_of, then the five lists of
--           is_asked): rows of view delivery_by_send_hour for the hours of a period;
--           history is where the messages begin that say what is usual, as_of how far
--           the archive is.
--           An application is tracked when the provider tells that its messages were
--           sent (message-sent, a switch of the application): only then is a message
--           known that never got an answer. What is usual is said by the tracked
--           messages of earlier hours: the share that had its answer at the age that
--           the youngest message of the cohort has now, rounded down to 1, 2, 5, 10,
--           20, 30 minutes, 1, 2, 4, 8, 12, 24, 48, 73 or 97 hours.

create or replace macro cohorts_between(
    begins,
    ends,
    history,
    as_of,
    of_countries,
    of_applications,
    of_carriers,
    of_senders,
    of_tags
) as table

    with

    steps as (

        select unnest([
            60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200,
            86400, 172800, 262800, 349200
        ]) as seconds

    ),

    tracked_applications as (

        select distinct application_id from events
        where event_type = 'message-sent'

    ),

    messages_read as (

        select * from
            messages_between(
                history,
                ends,
                of_countries,
                of_applications,
                of_carriers,
                of_senders,
                of_tags
            )
        where sent_at is not null

    ),

    sent as (

        select
            messages_read.outcome,
            messages_read.seconds_to_final,
            window_of(messages_read.sent_at, interval '1 hour') as sent_hour,
            tracked_applications.application_id is not null as is_tracked
        from messages_read
        left join tracked_applications
            on messages_read.application_id = tracked_applications.application_id

    ),

    cohorts as (

        select
            sent_hour,
            sent_hour + interval '1 hour' > as_of::timestamptz as is_running,
            epoch(as_of::timestamptz) - epoch(sent_hour + interval '1 hour') as age,
            count(*) as messages,
            count(*) filter (where outcome = 'delivered') as delivered,
            count(*) filter (where outcome = 'failed') as failed,
            count(*) filter (where outcome = 'unknown') as unknown,
            count(*) filter (where outcome = 'pending') as pending,
            count(*) filter (where is_tracked) as tracked,
            count(*) filter (where is_tracked and outcome <> 'pending')
                as tracked_answered
        from sent
        where sent_hour >= window_of(begins, interval '1 hour')
        group by sent_hour

    ),

    aged as (

        select
            *,
            (
                select max(steps.seconds) from steps
                where steps.seconds <= cohorts.age
            ) as step
        from cohorts

    ),

    earlier as (

        select
            sent.sent_hour,
            (
                select min(steps.seconds) from steps
                where steps.seconds >= sent.seconds_to_final
            ) as answered_within,
            count(*) as messages
        from sent
        where sent.is_tracked
        group by all

    ),

    usual as (

        select
            aged.sent_hour,
            sum(earlier.messages) as sample,
            coalesce(
                sum(earlier.messages) filter (
                    where earlier.answered_within <= aged.step
                ),
                0
            ) as answered
        from aged
        inner join earlier on aged.sent_hour > earlier.sent_hour
        where aged.step is not null
        group by aged.sent_hour

    )

    select
        aged.sent_hour,
        aged.messages,
        aged.delivered,
        aged.failed,
        aged.unknown,
        case when aged.tracked > 0 then aged.pending end as pending,
        aged.tracked,
        aged.tracked_answered / nullif(aged.tracked, 0) as answered_share,
        case
            when aged.tracked > 0 and usual.sample >= 20
                then usual.answered / usual.sample
        end as usual_share,
        aged.step::bigint as age_seconds,
        aged.is_running
    from aged
    left join usual on aged.sent_hour = usual.sent_hour;
