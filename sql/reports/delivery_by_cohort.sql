-- report:   delivery_by_cohort
-- question: What has become of the messages that were sent in each hour?
-- grain:    one row per hour in which a message was sent
-- counts:   messages
-- time:     send time
-- history:  14 days
-- depends:  cohort_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $history timestamptz, where the messages begin that say what is usual
--           $received_until timestamptz, how far the archive is
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
--           $sender varchar[]; null for all
--           $tag varchar[]; null for all
-- columns:
--   sent_hour      | timestamptz | Start of the hour of send time, UTC.
--   messages       | bigint      | Messages sent that anything is known of, count.
--   delivered      | bigint      | Of these delivered or read, count.
--   failed         | bigint      | Of these failed, count.
--   unknown        | bigint      | Of these ended without a receipt, count.
--   pending        | bigint      | Without an answer yet; null where not known, count.
--   tracked        | bigint      | Of applications that tell of message-sent, count.
--   answered_share | double      | Of the tracked: delivered, failed, unknown, 0 to 1.
--   usual_share    | double      | The same of earlier hours at this age, 0 to 1.
--   age_seconds    | bigint      | The age compared, rounded down, seconds.
--   is_running     | boolean     | Whether the hour was not over when it was read.
-- notes:    pending is null where no application of the hour has message-sent switched
--           on: then nobody tells of a message before its answer. answered_share below
--           usual_share means that receipts are late or missing; what is usual is said
--           by the fourteen days before, from 20 messages on. The start is rounded
--           down to the hour. The newest hour first.
-- check:    unique sent_hour
-- check:    pending is null or delivered + failed + unknown + pending = messages
-- check:    altogether sum(messages) = (
--               select count(*) from messages_between(
--                   $since, $until, null, null, null, null, null
--               )
--               where sent_at is not null
--           )

select
    sent_hour,
    messages,
    delivered,
    failed,
    unknown,
    pending,
    tracked,
    answered_share,
    usual_share,
    age_seconds,
    is_running
from
    cohorts_between(
        $since,
        $until,
        $history,
        $received_until,
        $country,
        $application,
        $carrier,
        $sender,
        $tag
    )
order by sent_hour desc
