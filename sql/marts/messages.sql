-- view:     messages
-- question: What has become of each message?
-- grain:    one row per message_id and destination
-- counts:   messages: one for each destination of a group message
-- depends:  message_macros
-- columns:
--   message_id          | varchar     | Provider's id of the message.
--   destination         | varchar     | Number it was sent to.
--   destination_country | varchar     | ISO 3166 alpha-2; ZZ cannot be told.
--   outcome             | varchar     | delivered, failed, unknown or pending.
--   error_code          | integer     | Code of the event that decided; null for none.
--   sent_at             | timestamptz | When it was sent.
--   final_at            | timestamptz | When it was decided; null while pending.
--   seconds_to_final    | double      | final_at - sent_at, seconds.
--   sender              | varchar     | Number or name it was sent from.
--   sender_type         | varchar     | toll_free, short_code, long_code, …
--   application_id      | varchar     | Application of the message.
--   tag                 | varchar     | Tag it was sent with.
--   channel             | varchar     | SMS, MMS or RBM, of the event that decided.
--   carrier_name        | varchar     | Carrier's name as sent.
--   segment_count       | integer     | Segments, count.
--   events              | bigint      | Events of the message that count here, count.
-- notes:    Delivered or read beats failed, failed beats unknown, unknown beats
--           pending: a message can be reported as failed and delivered. The earliest
--           event of the outcome that won decides. Inbound and other are left out.
-- check:    unique message_id, destination
-- check:    (outcome = 'pending') = (final_at is null)

create or replace view messages as

select
    message_id,
    destination,
    destination_country,
    outcome,
    error_code,
    sent_at,
    final_at,
    seconds_to_final,
    sender,
    sender_type,
    application_id,
    tag,
    channel,
    carrier_name,
    segment_count,
    events
from
    messages_between(
        timestamptz '-infinity', timestamptz 'infinity', null, null, null, null, null
    )
