-- report:   evidence
-- question: Which messages show an incident to the provider?
-- grain:    one row per event that failed or ended without a receipt
-- counts:   events
-- time:     event time
-- depends:  events, filter_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
--           $sender varchar[]; null for all
--           $tag varchar[]; null for all
--           $error_code integer[]; null for all
-- columns:
--   message_id      | varchar     | Provider's id of the message.
--   event_time      | timestamptz | When it was refused or given up, UTC.
--   sent_at         | timestamptz | When it was sent, UTC.
--   sender          | varchar     | Number or name it was sent from.
--   destination     | varchar     | Number it was sent to.
--   country         | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   carrier         | varchar     | Carrier's name as sent; null if not sent.
--   error_code      | integer     | Error code as sent; null for none.
--   description     | varchar     | Description as sent.
--   application_id  | varchar     | Application of the message.
--   segment_count   | integer     | Segments of the message, count.
--   received_at     | timestamptz | When its callback was received, UTC.
-- notes:    What a provider's support asks for. Choose the incident with --since,
--           --until, --country, --carrier and --error-code, and attach --format csv.
--           event_time is received_at where the callback had no usable time.
--           The last first.
-- check:    not null message_id, event_time, received_at

select
    message_id,
    counted_at as event_time,
    message_time as sent_at,
    sender,
    destination,
    destination_country as country,
    carrier_name as carrier,
    error_code,
    description,
    application_id,
    segment_count,
    received_at
from events
where
    outcome in ('failed', 'unknown')
    and counted_at >= $since
    and counted_at < $until
    and is_asked(destination_country, $country)
    and is_asked(application_id, $application)
    and is_asked(carrier_name, $carrier)
    and is_asked(sender, $sender)
    and is_asked(tag, $tag)
    and (
        $error_code::integer[] is null
        or list_contains($error_code::integer[], error_code)
    )
order by counted_at desc, message_id asc, destination asc, kafka_offset asc
