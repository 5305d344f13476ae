-- report:   stop_sending
-- question: To which numbers should nothing be sent any more?
-- grain:    one row per destination, and sender where it opted out
-- counts:   events
-- time:     event time
-- depends:  events, filter_macros, error_code_meanings
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
--           $sender varchar[]; null for all
--           $tag varchar[]; null for all
-- columns:
--   destination | varchar     | Number to stop sending to.
--   only_from   | varchar     | Only this sender must stop; null for all of them.
--   country     | varchar     | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   reason      | varchar     | opted out, or cannot receive.
--   error_code  | integer     | Code of the last event that says so.
--   meaning     | varchar     | What it means, in words.
--   events      | bigint      | Events of the period that say so, count.
--   first_at    | timestamptz | Event time of the first of them.
--   last_at     | timestamptz | Event time of the last of them.
-- notes:    Codes of retry class "no": opt-outs, which bind one sender, and numbers
--           that can never receive. A number that something was delivered to after that
--           is left out, an opt-out only if it was from the same sender. Refusals
--           without a reason (4750) are not in here: they may pass. --format csv
--           exports the list. Opt-outs first, then the last first.
-- check:    unique destination, only_from, reason
-- check:    first_at <= last_at

with

told as (

    select
        events.*,
        error_code_meanings.fault,
        error_code_meanings.meaning,
        error_code_meanings.retryable
    from events
    left join error_code_meanings
        on events.error_code = error_code_meanings.error_code
    where
        events.outcome in ('delivered', 'read', 'failed')
        and events.destination is not null
        and events.counted_at >= $since
        and events.counted_at < $until

),

final as (

    select
        destination,
        case when fault = 'recipient-optout' then sender end as sender,
        case
            when fault = 'recipient-optout' then 'opted out'
            else 'cannot receive'
        end as reason,
        any_value(destination_country) as country,
        arg_max(error_code, counted_at) as error_code,
        arg_max(meaning, counted_at) as meaning,
        count(*) as events,
        min(counted_at) as first_at,
        max(counted_at) as last_at
    from told
    where
        outcome = 'failed'
        and retryable = 'no'
        and fault in ('recipient-optout', 'destination')
        and is_asked(destination_country, $country)
        and is_asked(application_id, $application)
        and is_asked(carrier_name, $carrier)
        and is_asked(sender, $sender)
        and is_asked(tag, $tag)
    group by all

),

arrivals as (

    select
        destination,
        sender,
        max(counted_at) as last_arrival_at
    from told
    where outcome in ('delivered', 'read')
    group by destination, sender

)

select
    final.destination,
    final.sender as only_from,
    final.country,
    final.reason,
    final.error_code,
    final.meaning,
    final.events,
    final.first_at,
    final.last_at
from final
where
    not exists (
        select 1 from arrivals
        where
            arrivals.destination = final.destination
            and (
                final.reason = 'cannot receive'
                or arrivals.sender is not distinct from final.sender
            )
            and arrivals.last_arrival_at > final.last_at
    )
order by
    final.reason desc,
    final.last_at desc,
    final.destination asc,
    final.sender asc
