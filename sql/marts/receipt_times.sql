-- view:     receipt_times
-- question: How long did each message wait for its final receipt?
-- grain:    one row per message_id and destination that has a receipt
-- counts:   messages
-- depends:  messages
-- columns:
--   message_id          | varchar     | Provider's id of the message.
--   destination         | varchar     | Number it was sent to.
--   destination_country | varchar     | ISO 3166 alpha-2; ZZ cannot be told.
--   carrier_name        | varchar     | Carrier's name as sent.
--   sender_type         | varchar     | toll_free, short_code, long_code, …
--   outcome             | varchar     | delivered or failed.
--   sent_at             | timestamptz | When it was sent.
--   final_at            | timestamptz | When it was decided.
--   seconds_to_final    | double      | final_at - sent_at, seconds; never below 0.
-- notes:    A message that ended without a receipt has none to wait for: 9902 says how
--           long the provider waited, not the carrier. Messages without a send time
--           are left out. The clocks of provider and carrier differ: what would be
--           below 0 is 0. Waiting in the provider's queue is part of the time.

create or replace view receipt_times as

select
    message_id,
    destination,
    destination_country,
    carrier_name,
    sender_type,
    outcome,
    sent_at,
    final_at,
    greatest(seconds_to_final, 0) as seconds_to_final
from messages
where outcome in ('delivered', 'failed') and seconds_to_final is not null
