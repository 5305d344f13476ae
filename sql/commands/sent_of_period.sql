-- command:  sent_of_period
-- question: What is known of the messages sent in a period, and of which time is any?
-- grain:    one row
-- counts:   messages
-- depends:  sent_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $sender varchar[]; null for all
-- columns:
--   sent          | bigint      | Messages of the period that are asked for, count.
--   waiting       | bigint      | Of these without an event, and too young, count.
--   not_recorded  | bigint      | Sent when no callbacks were kept, count.
--   first_sent_at | timestamptz | When the first message of all logs was sent.
--   last_sent_at  | timestamptz | When the last message of all logs was sent.

select
    count(*) as sent,
    count(*) filter (where standing = 'waiting') as waiting,
    count(*) filter (where standing = 'not_recorded') as not_recorded,
    (select min(sent.sent_at) from sent) as first_sent_at,
    (select max(sent.sent_at) from sent) as last_sent_at
from
    standings_between(
        $since, $until, $country, $application, $sender
    )
