-- command:  dead_letter_problems
-- question: What is wrong with the callbacks that could not be read, and how often?
-- grain:    one row per problem and source
-- counts:   callbacks that could not be read and have not been repaired
-- depends:  dead_letters
-- params:   $since timestamptz, inclusive, of received_at
--           $until timestamptz, exclusive, of received_at
-- columns:
--   problem           | varchar     | What is wrong, and where in the JSON.
--   source            | varchar     | http, import or resend; null for others.
--   callbacks         | bigint      | Callbacks with this problem, count.
--   first_received_at | timestamptz | When the first of them was received.
--   last_received_at  | timestamptz | When the last of them was received.
--   place             | varchar     | Place of the last of them.
-- notes:    What `undelivered dead-letters list` gathers by reason.

select
    problem,
    source,
    count(*) as callbacks,
    min(received_at) as first_received_at,
    max(received_at) as last_received_at,
    arg_max(place, (received_at, place)) as place
from dead_letters
where received_at >= $since and received_at < $until
group by problem, source
order by problem, source
