-- report:   reconciliation
-- question: Of how many of the messages that were sent was nothing ever told?
-- grain:    one row per group of --by; with --window one per window_start and group
-- counts:   messages
-- time:     send time
-- history:  1 day
-- beyond:   5 days
-- depends:  reconciliation_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $window interval; null for none
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $sender varchar[]; null for all
--           $by varchar[], of country, application_id, sender
-- columns:
--   window_start   | timestamptz | Start of the window, send time; only with --window.
--   country        | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   application_id | varchar     | Application, by the log, else by the events.
--   sender         | varchar     | Number or name it was sent from.
--   sent           | bigint      | Messages in the logs imported, count.
--   answered       | bigint      | Of these delivered, failed or given up, count.
--   in_progress    | bigint      | On their way, without an answer, count.
--   without_event  | bigint      | Nothing was told of them, and nothing will, count.
--   waiting        | bigint      | Nothing was told yet, 97 hours are not over, count.
--   not_recorded   | bigint      | Sent when no callbacks were kept, count.
--   settled        | bigint      | Of sent: all that may come has come, count.
--   silent_rate    | double      | without_event / settled, from 0 to 1.
--   low            | double      | Lower bound of its 95 % Wilson interval.
--   high           | double      | Upper bound of its 95 % Wilson interval.
--   enough         | boolean     | Whether settled is enough for a rate: from 20.
--   unlisted       | bigint      | Messages with events that no log has, count.
-- notes:    Reads what undelivered import --sent has brought. --by takes any of
--           country, application, sender; columns that it does not name are left out.
--           unlisted is no part of sent: it says that a log is missing or incomplete.
--           The provider waits 73 hours for a receipt and tries for another 24 to tell
--           it: of the last four days nobody can say what is lost.
--           The most messages without any event first.
-- check:    answered + in_progress + without_event + waiting + not_recorded = sent
-- check:    without_event <= settled and settled <= sent
-- check:    low <= silent_rate and silent_rate <= high
-- check:    unique window_start, country, application_id, sender
-- check:    altogether coalesce(sum(sent), 0) = (
--               select count(*) from sent where sent_at >= $since and sent_at < $until
--           )

select
    window_start,
    country,
    application_id,
    sender,
    sent,
    answered,
    in_progress,
    without_event,
    waiting,
    not_recorded,
    settled,
    silent_rate,
    low,
    high,
    enough,
    unlisted
from
    reconciliation_of(
        $by::varchar[],
        $window,
        $since,
        $until,
        $country,
        $application,
        $sender
    )
order by
    window_start asc,
    without_event desc,
    sent desc,
    country asc,
    application_id asc,
    sender asc
