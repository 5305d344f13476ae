-- report:   what_changed
-- question: Which country, carrier and code made the failure rate rise or fall?
-- grain:    one row per country, carrier and error_code with a part in the change
-- counts:   events
-- time:     event time, this period and an earlier one
-- sums:     day
-- depends:  cell_macros, countries, error_code_meanings, rate_macros
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $earlier_since timestamptz, inclusive
--           $earlier_until timestamptz, exclusive
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
--           $sender varchar[]; null for all
--           $tag varchar[]; null for all
-- columns:
--   country         | varchar | Destination, ISO 3166 alpha-2; ZZ cannot be told.
--   country_name    | varchar | Its English name.
--   carrier         | varchar | Carrier's name as sent; null if not sent.
--   error_code      | integer | Error code as sent; null for a failure without one.
--   meaning         | varchar | What it means, in words.
--   failed_before   | bigint  | Failed events with the code, earlier, count.
--   finished_before | bigint  | Finished events of country and carrier, earlier, count.
--   failed          | bigint  | Failed events with the code, this period, count.
--   finished        | bigint  | Finished events of country and carrier, count.
--   rate_change     | double  | Part because the code became more or less frequent.
--   mix_change      | double  | Part because traffic moved between routes.
--   part            | double  | rate_change + mix_change, -1 to 1.
--   overall_before  | double  | Failure rate of everything, earlier, from 0 to 1.
--   overall         | double  | Failure rate of everything, this period, from 0 to 1.
-- notes:    The parts of all rows add up to overall - overall_before. A route is a
--           country and a carrier; w is its share of what finished, r how often the
--           code failed there, bars are means of the two periods, R is the mean rate
--           of the code everywhere. rate_change is w-bar * (r - r before), mix_change
--           is (r-bar - R-bar) * (w - w before): a route where a code is as frequent
--           as elsewhere changes nothing by growing. A route without traffic in one
--           period has its rate of the other, so all of its part is mix_change.
--           Unless both periods have finished events there are no rows. The largest
--           part first. The earlier period is as long and ends where this one begins,
--           or lies as long before as --against says.
-- check:    abs(rate_change + mix_change - part) < 1e-12
-- check:    unique country, carrier, error_code
-- check:    altogether abs(
--               sum(part) - (any_value(overall) - any_value(overall_before))
--           ) < 1e-9
-- source:   Kitagawa, "Components of a Difference Between Two Rates", JASA 50 (1955).

with

cells as (

    select
        false as is_before,
        country,
        carrier,
        outcome,
        error_code,
        events
    from
        cells_between(
            $since, $until, $country, $application, $carrier, $sender, $tag, false
        )
    union all
    select
        true as is_before,
        country,
        carrier,
        outcome,
        error_code,
        events
    from
        cells_between(
            $earlier_since,
            $earlier_until,
            $country,
            $application,
            $carrier,
            $sender,
            $tag,
            false
        )

),

finished_cells as (

    select * from cells
    where outcome in ('delivered', 'failed', 'unknown')

),

totals as (

    select
        sum(events) filter (where is_before) as finished_before,
        sum(events) filter (where not is_before) as finished,
        coalesce(sum(events) filter (where is_before and outcome = 'failed'), 0)
            as failed_before,
        coalesce(sum(events) filter (where not is_before and outcome = 'failed'), 0)
            as failed
    from finished_cells

),

routes as (

    select
        country,
        carrier,
        coalesce(sum(events) filter (where is_before), 0) as finished_before,
        coalesce(sum(events) filter (where not is_before), 0) as finished
    from finished_cells
    group by country, carrier

),

failures as (

    select
        country,
        carrier,
        error_code,
        coalesce(sum(events) filter (where is_before), 0) as failed_before,
        coalesce(sum(events) filter (where not is_before), 0) as failed
    from finished_cells
    where outcome = 'failed'
    group by country, carrier, error_code

),

codes as (

    select
        error_code,
        sum(failed_before) as failed_before,
        sum(failed) as failed
    from failures
    group by error_code

),

-- A code that never failed on a route has a part there too, when the route's share of
-- the traffic changed: it has less of the code than the others.
placed as (

    select
        routes.country,
        routes.carrier,
        codes.error_code,
        routes.finished_before,
        routes.finished,
        coalesce(failures.failed_before, 0) as failed_before,
        coalesce(failures.failed, 0) as failed,
        routes.finished_before / totals.finished_before as share_before,
        routes.finished / totals.finished as share,
        (
            codes.failed_before / totals.finished_before
            + codes.failed / totals.finished
        ) / 2 as rate_everywhere,
        totals.failed_before / totals.finished_before as overall_before,
        totals.failed / totals.finished as overall
    from routes
    cross join codes
    cross join totals
    left join failures
        on
            routes.country is not distinct from failures.country
            and routes.carrier is not distinct from failures.carrier
            and codes.error_code is not distinct from failures.error_code
    where totals.finished_before > 0 and totals.finished > 0

),

rated as (

    select
        *,
        coalesce(failed_before / nullif(finished_before, 0), failed / finished)
            as rate_before,
        coalesce(failed / nullif(finished, 0), failed_before / finished_before)
            as rate
    from placed

),

parted as (

    select
        *,
        (share_before + share) / 2 * (rate - rate_before) as rate_change,
        ((rate_before + rate) / 2 - rate_everywhere) * (share - share_before)
            as mix_change
    from rated

)

select
    parted.country,
    countries.name as country_name,
    parted.carrier,
    parted.error_code,
    coalesce(error_code_meanings.meaning, 'no code given') as meaning,
    parted.failed_before::bigint as failed_before,
    parted.finished_before::bigint as finished_before,
    parted.failed::bigint as failed,
    parted.finished::bigint as finished,
    parted.rate_change,
    parted.mix_change,
    parted.rate_change + parted.mix_change as part,
    parted.overall_before,
    parted.overall
from parted
left join countries on parted.country = countries.country
left join error_code_meanings
    on parted.error_code = error_code_meanings.error_code
where parted.rate_change <> 0 or parted.mix_change <> 0
order by
    abs(part) desc,
    parted.country asc,
    parted.carrier asc,
    parted.error_code asc
