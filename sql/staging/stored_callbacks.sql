-- view:     stored_callbacks
-- question: What are the rows of table callbacks in the snapshot that is read?
-- grain:    one row per callback object
-- counts:   callbacks, copies and parked ones included
-- depends:  variable callbacks_files
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
--   owner               | varchar     | As stored: null where it is the sender.
--   recipients          | varchar[]   | As stored: null where [destination].
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
-- notes:    The file list is one snapshot of the Delta table, never a glob: compaction
--           and vacuum would make a glob read twice or fail.

create or replace view stored_callbacks as

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
    owner,
    recipients,
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
from
    read_parquet(
        getvariable('callbacks_files'),
        hive_partitioning = true,
        hive_types = {
            'received_date': date
        }
    )
