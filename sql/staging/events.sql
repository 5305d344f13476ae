-- view:     events
-- question: What happened to messages, each event once?
-- grain:    one row per event: readable callbacks that are not copies
-- counts:   events
-- depends:  callbacks, outcomes, sender_types
-- columns:
--   log_id              | varchar     | Life of the topic: Kafka's topic id.
--   kafka_partition     | integer     | Partition of topic callbacks.
--   kafka_offset        | bigint      | Offset of its record.
--   kafka_index         | integer     | Place in its record, from 0.
--   source              | varchar     | http, import or resend; null for others.
--   received_at         | timestamptz | When the broker appended the record.
--   received_date       | date        | UTC date of received_at.
--   counted_at          | timestamptz | Time at which the event is counted.
--   event_type          | varchar     | Callback's type.
--   outcome             | varchar     | What the type and the code mean.
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
--   sender_type         | varchar     | toll_free, short_code, long_code, …
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
-- notes:    Copies are told by is_copy, which the worker sets when it archives them;
--           nothing is deduplicated when this is read.
--           counted_at is event_time, or received_at where event_time is null or more
--           than 5 minutes after received_at: such a clock is wrong.
--           The outcome is that of the type and code in outcomes, else that of the
--           type with any code, else other.
-- check:    not null outcome, counted_at, message_id, event_type

create or replace view events as

with

readable as (

    select * from callbacks
    where problem is null and not is_copy

),

by_code as (

    select * from outcomes
    where error_code is not null

),

by_type as (

    select * from outcomes
    where error_code is null

)

select
    readable.log_id,
    readable.kafka_partition,
    readable.kafka_offset,
    readable.kafka_index,
    readable.source,
    readable.received_at,
    readable.received_date,
    case
        when readable.event_time <= readable.received_at + interval '5 minutes'
            then readable.event_time
        else readable.received_at
    end as counted_at,
    readable.event_type,
    coalesce(by_code.outcome, by_type.outcome, 'other') as outcome,
    readable.event_time,
    readable.read_time,
    readable.error_code,
    readable.description,
    readable.carrier_name,
    readable.destination,
    readable.destination_country,
    readable.message_id,
    readable.message_time,
    readable.direction,
    readable.sender,
    sender_type_of(readable.sender) as sender_type,
    readable.owner,
    readable.recipients,
    readable.application_id,
    readable.tag,
    readable.channel,
    readable.priority,
    readable.segment_count,
    readable.media,
    readable.text,
    readable.origin,
    readable.extra
from readable
left join by_code
    on
        readable.event_type = by_code.event_type
        and readable.error_code = by_code.error_code
left join by_type on readable.event_type = by_type.event_type
