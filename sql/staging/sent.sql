-- view:     sent
-- question: Which messages were sent, as the sender's own log has them?
-- grain:    one row per message_id and destination
-- counts:   messages: one for each destination of a group message
-- depends:  stored_sent
-- columns:
--   message_id          | varchar     | Provider's id of the message.
--   destination         | varchar     | Number it was sent to, E.164 or short code.
--   destination_country | varchar     | ISO 3166 alpha-2; ZZ cannot be told.
--   sent_at             | timestamptz | When it was sent, by the log.
--   sent_date           | date        | UTC date of sent_at.
--   sender              | varchar     | Number or name it was sent from.
--   application_id      | varchar     | Application; null where the log has none.
--   file                | varchar     | File that it was imported from first.
--   line                | bigint      | Line of the file, from 1.
--   imported_at         | timestamptz | When that import began.
-- notes:    What undelivered import --sent has brought, each message once however often
--           it is in what was imported.
-- check:    unique message_id, destination
-- check:    not null message_id, destination, sent_at, file, line, imported_at
-- check:    sent_date = sent_at::date

create or replace view sent as

select
    message_id,
    destination,
    destination_country,
    sent_at,
    sent_date,
    sender,
    application_id,
    file,
    line,
    imported_at
from stored_sent
where problem is null
