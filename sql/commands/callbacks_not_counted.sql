-- command:  callbacks_not_counted
-- question: How many callbacks of a log had time enough to be counted and are not?
-- grain:    one row
-- counts:   callbacks, copies and parked ones included
-- depends:  callbacks, positions
-- params:   $log_id varchar, life of the topic
--           $received_before timestamptz, exclusive
-- columns:
--   callbacks | bigint | Callbacks beyond the position of window_counts, count.
-- notes:    What `undelivered doctor` finds wrong.

with

due as (

    select
        kafka_partition,
        kafka_offset
    from callbacks
    where log_id = $log_id and received_at < $received_before

),

counted as (

    select
        kafka_partition,
        counted as position
    from positions
    where log_id = $log_id

)

select count(*) as callbacks
from due
inner join counted
    on
        due.kafka_partition = counted.kafka_partition
        and due.kafka_offset >= counted.position
