-- report:   messages_to_send_again
-- question: Which messages failed and may be sent again?
-- grain:    one row per message_id and destination that may be sent again
-- counts:   messages
-- time:     send time
-- depends:  message_macros, error_code_meanings, retry_classes
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
--           $sender varchar[]; null for all
--           $tag varchar[]; null for all
-- columns:
--   message_id     | varchar     | Provider's id of the message.
--   destination    | varchar     | Number it was sent to.
--   sender         | varchar     | Number or name it was sent from.
--   application_id | varchar     | Application of the message.
--   tag            | varchar     | Tag it was sent with.
--   sent_at        | timestamptz | When it was sent.
--   failed_at      | timestamptz | When it failed.
--   error_code     | integer     | Code of the event that decided; null for none.
--   retry_class    | varchar     | yes, backoff or once.
--   what_to_do     | varchar     | What to do, in words.
-- notes:    Messages whose deciding event is a failure of a class that may be sent
--           again; one that was delivered after all is not in here, nor one without a
--           receipt: that would arrive twice. --format csv exports the list. By class,
--           then the last first.
-- check:    unique message_id, destination
-- check:    not null retry_class, failed_at

select
    messages.message_id,
    messages.destination,
    messages.sender,
    messages.application_id,
    messages.tag,
    messages.sent_at,
    messages.final_at as failed_at,
    messages.error_code,
    retry_classes.retryable as retry_class,
    retry_classes.what_to_do
from
    messages_between(
        $since, $until, $country, $application, $carrier, $sender, $tag
    ) as messages
left join error_code_meanings
    on messages.error_code = error_code_meanings.error_code
inner join retry_classes
    on coalesce(error_code_meanings.retryable, 'once') = retry_classes.retryable
where messages.outcome = 'failed' and retry_classes.may_be_sent_again
order by
    retry_classes.position asc,
    messages.final_at desc,
    messages.message_id asc,
    messages.destination asc
