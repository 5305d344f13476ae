-- view:     redeliveries
-- question: Which callbacks came again, and which event does each repeat?
-- grain:    one row per copy
-- counts:   callbacks that are copies
-- depends:  callbacks
-- columns:
--   log_id            | varchar     | Life of the topic: Kafka's topic id.
--   kafka_partition   | integer     | Partition of topic callbacks.
--   kafka_offset      | bigint      | Offset of the copy's record.
--   kafka_index       | integer     | Place of the copy in its record, from 0.
--   received_at       | timestamptz | When the copy was received.
--   message_id        | varchar     | Provider's id of the message.
--   destination       | varchar     | Number the event is about.
--   event_type        | varchar     | Callback's type.
--   channel           | varchar     | SMS, MMS or RBM.
--   error_code        | integer     | Error code as sent; null for none.
--   event_log_id      | varchar     | Life of the topic that holds the event.
--   event_offset      | bigint      | Offset of the event it repeats.
--   event_index       | integer     | Place of the event in its record, from 0.
--   event_received_at | timestamptz | When the event was received.
--   seconds_later     | double      | received_at - event_received_at, seconds.
-- notes:    The event is the latest earlier callback of the same identity (message_id,
--           destination, event_type, channel, error_code) in the same partition that
--           is no copy. It is null when the archive does not hold it any more.
--           A life of the topic that was begun anew (log_id "topic id~number") goes on
--           with the memory of the one before, so the event may be in that one.
-- check:    unique log_id, kafka_partition, kafka_offset, kafka_index

create or replace view redeliveries as

with

readable as (

    select
        *,
        split_part(log_id, '~', 1) as topic_id,
        coalesce(try_cast(split_part(log_id, '~', 2) as integer), 0) as life
    from callbacks
    where problem is null

),

copies as (

    select * from readable
    where is_copy

),

originals as (

    select * from readable
    where not is_copy

),

matched as (

    select
        copies.*,
        originals.log_id as event_log_id,
        originals.kafka_offset as event_offset,
        originals.kafka_index as event_index,
        originals.received_at as event_received_at
    from copies
    left join originals
        on
            copies.message_id = originals.message_id
            and copies.event_type = originals.event_type
            and copies.destination is not distinct from originals.destination
            and copies.channel is not distinct from originals.channel
            and copies.error_code is not distinct from originals.error_code
            and copies.topic_id = originals.topic_id
            and copies.kafka_partition = originals.kafka_partition
            and (copies.life, copies.kafka_offset, copies.kafka_index)
            > (originals.life, originals.kafka_offset, originals.kafka_index)
    qualify
        row_number() over (
            partition by
                copies.log_id,
                copies.kafka_partition,
                copies.kafka_offset,
                copies.kafka_index
            order by
                originals.life desc,
                originals.kafka_offset desc,
                originals.kafka_index desc
        ) = 1

)

select
    log_id,
    kafka_partition,
    kafka_offset,
    kafka_index,
    received_at,
    message_id,
    destination,
    event_type,
    channel,
    error_code,
    event_log_id,
    event_offset,
    event_index,
    event_received_at,
    epoch(received_at) - epoch(event_received_at) as seconds_later
from matched
