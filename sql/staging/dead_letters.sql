-- view:     dead_letters
-- question: Which callbacks could not be read and have not been repaired yet?
-- grain:    one row per parked callback
-- counts:   callbacks that could not be read
-- depends:  callbacks
-- columns:
--   place           | varchar     | log_id/partition/offset/index, as origin names it.
--   log_id          | varchar     | Life of the topic: Kafka's topic id.
--   kafka_partition | integer     | Partition of topic callbacks.
--   kafka_offset    | bigint      | Offset of its record.
--   kafka_index     | integer     | Place in its record, from 0.
--   source          | varchar     | http, import or resend; null for others.
--   received_at     | timestamptz | When the broker appended the record.
--   received_date   | date        | UTC date of received_at.
--   origin          | varchar     | file:line, or the parked row it was to repair.
--   problem         | varchar     | What is wrong, and where in the JSON.
--   raw             | blob        | The bytes as they came.
-- notes:    A parked callback is repaired once a row exists whose origin is its place.
--           If that row cannot be read either, it is a dead letter itself.
--           Every imported callback has an origin: only those that name a parked one
--           are kept in memory.
-- check:    not null problem
-- check:    unique place

create or replace view dead_letters as

with

parked as (

    select
        *,
        concat_ws('/', log_id, kafka_partition, kafka_offset, kafka_index) as place
    from callbacks
    where problem is not null

),

repairs as (

    select callbacks.origin
    from callbacks
    semi join parked on callbacks.origin = parked.place

)

select
    parked.place,
    parked.log_id,
    parked.kafka_partition,
    parked.kafka_offset,
    parked.kafka_index,
    parked.source,
    parked.received_at,
    parked.received_date,
    parked.origin,
    parked.problem,
    parked.raw
from parked
anti join repairs on parked.place = repairs.origin
