-- check:    callbacks_are_below_their_position
-- question: Which archived callbacks would be taken in again?
-- grain:    one row per callback at or beyond its partition's position
-- counts:   callbacks
-- depends:  callbacks, positions
-- columns:
--   log_id          | varchar | Life of the topic.
--   kafka_partition | integer | Partition.
--   kafka_offset    | bigint  | Offset of its record.
--   kafka_index     | integer | Place in its record, from 0.
--   archived        | bigint  | Position of table callbacks: next offset to take in.

select
    callbacks.log_id,
    callbacks.kafka_partition,
    callbacks.kafka_offset,
    callbacks.kafka_index,
    positions.archived
from callbacks
inner join positions
    on
        callbacks.log_id = positions.log_id
        and callbacks.kafka_partition = positions.kafka_partition
where callbacks.kafka_offset >= positions.archived
order by
    callbacks.log_id,
    callbacks.kafka_partition,
    callbacks.kafka_offset,
    callbacks.kafka_index
