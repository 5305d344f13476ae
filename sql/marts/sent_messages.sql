-- view:     sent_messages
-- question: What was told of each message that was sent?
-- grain:    one row per message_id and destination of the logs imported
-- counts:   messages: one for each destination of a group message
-- depends:  sent_macros
-- columns:
--   message_id          | varchar     | Provider's id of the message.
--   destination         | varchar     | Number it was sent to, by the log.
--   destination_country | varchar     | ISO 3166 alpha-2; ZZ cannot be told.
--   standing            | varchar     | answered, in_progress, without_event, waiting …
--   outcome             | varchar     | delivered, failed or unknown; null if open.
--   error_code          | integer     | Code of the event that decided; null for none.
--   sent_at             | timestamptz | When it was sent, by the log.
--   final_at            | timestamptz | When it was decided; null if it was not.
--   sender              | varchar     | Number or name it was sent from, by the log.
--   application_id      | varchar     | By the log, else by the events.
--   events              | bigint      | Events of the message, count.
--   is_settled          | boolean     | Whether everything that may come has come.
--   age_seconds         | bigint      | From sent_at to the newest minute counted.
-- notes:    answered: delivered, failed or given up. in_progress: it is on its way, and
--           no answer came. without_event: nothing was ever told of it, and the
--           provider has no time left to: lost in silence. waiting: nothing was told
--           yet, 97 hours are not over. not_recorded: nothing was told, and no callback
--           of the seven days before is known, so it says nothing.
--           Who has callbacks only since some day finds older messages not_recorded.
-- check:    unique message_id, destination
-- check:    (outcome is null) = (final_at is null)
-- check:    (standing = 'answered') = (outcome is not null)
-- check:    standing <> 'without_event' or (events = 0 and is_settled)

create or replace view sent_messages as

select
    message_id,
    destination,
    destination_country,
    standing,
    outcome,
    error_code,
    sent_at,
    final_at,
    sender,
    application_id,
    events,
    is_settled,
    age_seconds
from
    standings_between(
        timestamptz '1970-01-01 00:00:00+00',
        timestamptz '2200-01-01 00:00:00+00',
        null,
        null,
        null
    )
