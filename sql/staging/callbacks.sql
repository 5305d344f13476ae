-- view:     callbacks
-- question: What did the provider send, word for word, and where did it come in?
-- grain:    one row per callback object
-- counts:   callbacks, copies and parked ones included
-- depends:  stored_callbacks
-- columns:
--   log_id              | varchar     | Life of the topic: Kafka's topic id.
--   kafka_partition     | integer     | Partition of topic callbacks.
--   kafka_offset        | bigint      | Offset of its record.
--   kafka_index         | integer     | Place in its record, from 0.
--   source              | varchar     | http, import or resend; null for others.
--   received_at         | timestamptz | When the broker appended the record.
--   received_date       | date        | UTC date of received_at.
--   event_type          | varchar     | Callback's type.
--   event_time          | timestamptz | Callback's time, by the provider's clock.
--   read_time           | timestamptz | When the message was read, where sent.
--   error_code          | integer     | Error code as sent; null for none.
--   description         | varchar     | Description as sent.
--   carrier_name        | varchar     | Carrier's name as sent.
--   destination         | varchar     | Number the event is about.
--   destination_country | varchar     | ISO 3166 alpha-2; ZZ cannot be told.
--   message_id          | varchar     | Provider's id of the message.
--   message_time        | timestamptz | When the message was sent.
--   direction           | varchar     | in or out.
--   sender              | varchar     | Number or name the message is from.
--   owner               | varchar     | Number of the account; null if not sent.
--   recipients          | varchar[]   | All numbers sent to; null if not sent.
--   application_id      | varchar     | Application of the message.
--   tag                 | varchar     | Tag the message was sent with.
--   channel             | varchar     | SMS, MMS or RBM.
--   priority            | varchar     | Priority the message was sent with.
--   segment_count       | integer     | Segments of the whole message, count.
--   media               | varchar[]   | Addresses of its media.
--   text                | varchar     | Text; null unless keeping text is on.
--   origin              | varchar     | file:line, or the parked row it repairs.
--   extra               | varchar     | JSON of all fields that have no column.
--   is_copy             | boolean     | Redelivery of an event seen before.
--   problem             | varchar     | Why it cannot be read; null if it can.
--   raw                 | blob        | Bytes of a callback that cannot be read.
-- notes:    In the files owner is null where it is the sender, recipients where it is
--           [destination], and absent ones are '' and []: here they are filled in.
-- check:    unique log_id, kafka_partition, kafka_offset, kafka_index
-- check:    not null log_id, kafka_partition, kafka_offset, kafka_index, received_at
-- check:    received_date = received_at::date
-- check:    problem is not null or (event_type is not null and message_id <> '')

create or replace view callbacks as

select
    log_id,
    kafka_partition,
    kafka_offset,
    kafka_index,
    source,
    received_at,
    received_date,
    event_type,
    event_time,
    read_time,
    error_code,
    description,
    carrier_name,
    destination,
    destination_country,
    message_id,
    message_time,
    direction,
    sender,
    nullif(coalesce(owner, sender), '') as owner,
    case
        when recipients is not null then nullif(recipients, [])
        when destination is not null then [destination]
    end as recipients,
    application_id,
    tag,
    channel,
    priority,
    segment_count,
    media,
    text,
    origin,
    extra,
    is_copy,
    problem,
    raw
from stored_callbacks
