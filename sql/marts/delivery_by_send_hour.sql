-- view:     delivery_by_send_hour
-- question: What has become of the messages that were sent in each hour?
-- grain:    one row per hour in which a message was sent
-- counts:   messages
-- depends:  cohort_macros, callbacks
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
--           on: then nobody tells of a message before its answer. See cohort_macros.
--           answered_share below usual_share means that receipts are late or missing.

create or replace view delivery_by_send_hour as

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
        timestamptz '1970-01-01 00:00:00+00',
        timestamptz '2200-01-01 00:00:00+00',
        timestamptz '1970-01-01 00:00:00+00',
        (select max(callbacks.received_at) from callbacks),
        null,
        null,
        null,
        null,
        null
    )
