-- report:   messages_without_any_event
-- question: Which messages were sent and never heard of?
-- grain:    one row per message_id and destination that was sent and has no event
-- counts:   messages
-- time:     send time
-- history:  1 day
-- beyond:   5 days
-- depends:  sent_macros, countries
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $sender varchar[]; null for all
-- columns:
--   message_id     | varchar     | Provider's id of the message.
--   destination    | varchar     | Number it was sent to, by the log.
--   country        | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   country_name   | varchar     | Its English name.
--   sender         | varchar     | Number or name it was sent from.
--   application_id | varchar     | Application it was sent with, by the log.
--   sent_at        | timestamptz | When it was sent, by the log.
--   age_seconds    | bigint      | From then to the newest minute counted, seconds.
-- notes:    The provider tells of each message that it was delivered or that it failed;
--           of these it told nothing, which happens for example where an application
--           belongs to no location. Reads what undelivered import --sent has brought.
--           A message is in here once 97 hours are over: the provider waits 73 hours
--           for a receipt, and tries for another 24 to tell it. Younger ones are the
--           column waiting of report reconciliation. Messages that were sent before
--           any callback was kept are left out.
--           --format csv exports the list. The last first.
-- check:    unique message_id, destination
-- check:    not null message_id, destination, country, sent_at, age_seconds
-- check:    age_seconds >= 97 * 3600

select
    standings.message_id,
    standings.destination,
    standings.destination_country as country,
    countries.name as country_name,
    standings.sender,
    standings.application_id,
    standings.sent_at,
    standings.age_seconds
from
    standings_between(
        $since, $until, $country, $application, $sender
    ) as standings
left join countries on standings.destination_country = countries.country
where standings.standing = 'without_event'
order by
    standings.sent_at desc,
    standings.message_id asc,
    standings.destination asc
