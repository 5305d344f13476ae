-- report:   dead_letters_by_reason
-- question: Why could callbacks not be read?
-- grain:    one row per reason and source
-- counts:   callbacks that could not be read and have not been repaired
-- time:     received at
-- history:  all
-- depends:  dead_letters, reason_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
-- columns:
--   reason            | varchar     | What is wrong, and at which path of the JSON.
--   source            | varchar     | http, import or resend; null for others.
--   callbacks         | bigint      | Callbacks parked for this reason, count.
--   first_received_at | timestamptz | When the first of them was received.
--   last_received_at  | timestamptz | When the last of them was received.
--   place             | varchar     | Place of the last: see dead-letters show.
-- notes:    Nothing is lost: their bytes are kept, and resent once they are repaired.
--           The most frequent reason first.
-- check:    unique reason, source
-- check:    altogether sum(callbacks) = (
--               select count(*) from dead_letters
--               where received_at >= $since and received_at < $until
--           )

select
    reason_of(problem) as reason,
    source,
    count(*) as callbacks,
    min(received_at) as first_received_at,
    max(received_at) as last_received_at,
    arg_max(place, (received_at, place)) as place
from dead_letters
where received_at >= $since and received_at < $until
group by reason, source
order by callbacks desc, reason asc, source asc
