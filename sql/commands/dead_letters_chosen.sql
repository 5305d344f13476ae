-- command:  dead_letters_chosen
-- question: Which callbacks that could not be read are to be shown or repaired?
-- grain:    one row per parked callback that has not been repaired, the newest first
-- depends:  dead_letters
-- params:   $places varchar[], places to choose; null for all
--           $problems varchar[], problems to choose; null for all
-- columns:
--   place       | varchar     | log_id/partition/offset/index, as origin names it.
--   source      | varchar     | http, import or resend; null for others.
--   received_at | timestamptz | When the broker appended the record.
--   origin      | varchar     | file:line, or the parked row it was to repair.
--   problem     | varchar     | What is wrong, and where in the JSON.
--   raw         | blob        | The bytes as they came.
-- notes:    What `undelivered dead-letters show` and `resend` read.

select
    place,
    source,
    received_at,
    origin,
    problem,
    raw
from dead_letters
where
    ($places::varchar[] is null or place in (select unnest($places::varchar[])))
    and (
        $problems::varchar[] is null
        or problem in (select unnest($problems::varchar[]))
    )
order by
    received_at desc,
    log_id desc,
    kafka_partition desc,
    kafka_offset desc,
    kafka_index desc
