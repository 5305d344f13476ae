-- macros:   message_macros
-- question: What has become of each message that was sent in a period?
-- depends:  events, filter_macros
-- notes:    messages_between(begins, ends, of_countries, of_applications, of_carriers,
--           of_senders, of_tags): rows of view messages with begins <= send time <
--           ends; the lists are those of is_asked. A message without a send time is
--           placed by the time of its events. The carrier is that of the event that
--           decided: what the provider refuses itself has none.

create or replace macro messages_between(
    begins,
    ends,
    of_countries,
    of_applications,
    of_carriers,
    of_senders,
    of_tags
) as table

    with

    outbound as (

        select
            *,
            case outcome
                when 'delivered' then 1
                when 'read' then 1
                when 'failed' then 2
                when 'unknown' then 3
                else 4
            end as standing
        from events
        where
            outcome in ('delivered', 'read', 'failed', 'unknown', 'in_progress')
            and coalesce(message_time, counted_at) >= begins
            and coalesce(message_time, counted_at) < ends
            and is_asked(destination_country, of_countries)
            and is_asked(application_id, of_applications)
            and is_asked(sender, of_senders)
            and is_asked(tag, of_tags)

    ),

    decided as (

        select
            *,
            ['delivered', 'failed', 'unknown', 'pending'][standing] as standing_name,
            case when standing < 4 then counted_at end as final_at,
            count(*) over (partition by message_id, destination) as event_count
        from outbound
        qualify
            row_number() over (
                partition by message_id, destination
                order by
                    standing,
                    counted_at,
                    log_id,
                    kafka_partition,
                    kafka_offset,
                    kafka_index
            ) = 1

    )

    select
        message_id,
        destination,
        destination_country,
        standing_name as outcome,
        error_code,
        message_time as sent_at,
        final_at,
        epoch(final_at) - epoch(message_time) as seconds_to_final,
        sender,
        sender_type,
        application_id,
        tag,
        channel,
        carrier_name,
        segment_count,
        event_count as events
    from decided
    where is_asked(carrier_name, of_carriers);
