-- command:  cells_between
-- question: How many events of each kind were there in each window of a period?
-- grain:    one row per window and one value of every dimension asked for
-- counts:   events
-- depends:  stored_window_counts, window_macros
-- params:   $since timestamptz, inclusive; on a window's start
--           $until timestamptz, exclusive
--           $window interval; null for one window
--           $dimensions varchar[], those asked for; the others are null
--           $countries varchar[], those let in, '' for none told; null lets all in
-- columns:
--   window_start   | timestamptz | Start of the window, event time, UTC.
--   country        | varchar     | Destination, ISO 3166 alpha-2.
--   carrier        | varchar     | Carrier's name as sent.
--   application_id | varchar     | Application of the message.
--   channel        | varchar     | SMS, MMS or RBM; null where not sent.
--   sender_type    | varchar     | toll_free, short_code, long_code, alphanumeric.
--   outcome        | varchar     | Outcome of the events.
--   error_code     | integer     | Error code as sent; null for none.
--   events         | bigint      | Events, count; copies are not.
-- notes:    What the live view does not hold in memory.

select
    case
        when $window::interval is null then $since::timestamptz
        else window_of(window_start, $window::interval)
    end as window_start,
    case
        when list_contains($dimensions::varchar[], 'country') then country
    end as country,
    case
        when list_contains($dimensions::varchar[], 'carrier') then carrier
    end as carrier,
    case
        when list_contains($dimensions::varchar[], 'application_id') then application_id
    end as application_id,
    case
        when list_contains($dimensions::varchar[], 'channel') then channel
    end as channel,
    case
        when list_contains($dimensions::varchar[], 'sender_type') then sender_type
    end as sender_type,
    outcome,
    case
        when list_contains($dimensions::varchar[], 'error_code') then error_code
    end as error_code,
    sum(events)::bigint as events
from stored_window_counts
where
    window_start >= $since::timestamptz
    and window_start < $until::timestamptz
    and (
        $countries::varchar[] is null
        or list_contains($countries::varchar[], coalesce(country, ''))
    )
group by all
