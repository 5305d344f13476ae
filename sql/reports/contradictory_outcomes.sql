-- report:   contradictory_outcomes
-- question: Which messages were reported as delivered and as not delivered?
-- grain:    one row per message_id and destination with contradictory outcomes
-- counts:   messages
-- time:     send time
-- depends:  events, filter_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
--           $sender varchar[]; null for all
--           $tag varchar[]; null for all
-- columns:
--   message_id     | varchar     | Provider's id of the message.
--   destination    | varchar     | Number it was sent to.
--   country        | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   carrier        | varchar     | Carrier's name as sent, of the last event.
--   application_id | varchar     | Application of the message.
--   sent_at        | timestamptz | When it was sent.
--   story          | varchar     | What was told, in the order of event time.
--   channels       | varchar[]   | Channels of these events; several are a fallback.
--   first_at       | timestamptz | Event time of the first of these events.
--   last_at        | timestamptz | Event time of the last of them.
-- notes:    The provider promises one of message-delivered and message-failed, never
--           both. It happens: in groups, when a message falls back from one channel to
--           another, and when a receipt comes after 9902 has given it up. View messages
--           counts all of them as delivered. The last first.
-- check:    unique message_id, destination
-- check:    first_at <= last_at

with

final as (

    select
        message_id,
        destination,
        destination_country,
        carrier_name,
        application_id,
        message_time,
        outcome,
        error_code,
        channel,
        counted_at,
        kafka_offset,
        kafka_index,
        outcome in ('delivered', 'read') as has_arrived
    from events
    where
        outcome in ('delivered', 'read', 'failed', 'unknown')
        and coalesce(message_time, counted_at) >= $since
        and coalesce(message_time, counted_at) < $until
        and is_asked(destination_country, $country)
        and is_asked(application_id, $application)
        and is_asked(sender, $sender)
        and is_asked(tag, $tag)

),

-- Found first, and few: only their events are put in order and told.
disputed as (

    select
        message_id,
        coalesce(destination, '') as destination
    from final
    group by message_id, destination
    having bool_or(has_arrived) and not bool_and(has_arrived)

),

gathered as (

    select
        final.message_id,
        final.destination,
        any_value(final.destination_country) as country,
        arg_max(final.carrier_name, final.counted_at) as carrier,
        any_value(final.application_id) as application_id,
        min(final.message_time) as sent_at,
        string_agg(
            concat_ws(' ', final.outcome, final.error_code),
            ', then '
            order by
                final.counted_at asc, final.kafka_offset asc, final.kafka_index asc
        ) as story,
        list(distinct final.channel order by final.channel asc)
        filter (where final.channel is not null) as channels,
        min(final.counted_at) as first_at,
        max(final.counted_at) as last_at
    from final
    inner join disputed
        on
            final.message_id = disputed.message_id
            and coalesce(final.destination, '') = disputed.destination
    group by final.message_id, final.destination

)

select
    message_id,
    destination,
    country,
    carrier,
    application_id,
    sent_at,
    story,
    coalesce(channels, []) as channels,
    first_at,
    last_at
from gathered
where is_asked(carrier, $carrier)
order by last_at desc, message_id asc, destination asc
