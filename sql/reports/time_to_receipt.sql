-- report:   time_to_receipt
-- question: How long do receipts take, by country and carrier?
-- grain:    one row per country and carrier
-- counts:   messages
-- time:     send time
-- depends:  message_macros, countries, rate_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
--           $sender varchar[]; null for all
--           $tag varchar[]; null for all
-- columns:
--   country      | varchar | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   country_name | varchar | Its English name.
--   carrier      | varchar | Carrier's name as sent; null if not sent.
--   messages     | bigint  | Messages sent in the period that have a receipt, count.
--   p50          | double  | Half of them had it after so many seconds.
--   p90          | double  | 90 % of them had it after so many seconds.
--   p99          | double  | 99 % of them had it after so many seconds.
--   longest      | double  | The slowest, seconds.
--   enough       | boolean | Whether messages is enough to tell: from 20.
-- notes:    From send time to the final receipt, delivered or failed, time in the
--           provider's queue included. Messages that ended without a receipt, or have
--           none yet, or no send time, are left out: of what was sent within the last
--           hours the slow ones are still missing. Provider's refusals have no carrier
--           and are quick. What clocks put below 0 is 0. The most messages first.
-- check:    p50 <= p90 and p90 <= p99 and p99 <= longest
-- check:    unique country, carrier
-- check:    altogether sum(messages) = (
--               select count(*) from messages_between(
--                   $since, $until, null, null, null, null, null
--               )
--               where
--                   outcome in ('delivered', 'failed')
--                   and seconds_to_final is not null
--           )

with

receipts as (

    select
        destination_country as country,
        carrier_name as carrier,
        greatest(seconds_to_final, 0) as seconds
    from
        messages_between(
            $since, $until, $country, $application, $carrier, $sender, $tag
        )
    where outcome in ('delivered', 'failed') and seconds_to_final is not null

),

measured as (

    select
        country,
        carrier,
        count(*) as messages,
        quantile_disc(seconds, [0.5, 0.9, 0.99]) as quantiles,
        max(seconds) as longest
    from receipts
    group by country, carrier

)

select
    measured.country,
    countries.name as country_name,
    measured.carrier,
    measured.messages,
    measured.quantiles[1] as p50,
    measured.quantiles[2] as p90,
    measured.quantiles[3] as p99,
    measured.longest,
    is_enough(measured.messages) as enough
from measured
left join countries on measured.country = countries.country
order by measured.messages desc, measured.country asc, measured.carrier asc
