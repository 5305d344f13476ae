-- report:   who_is_at_fault
-- question: Who is at fault for what failed, and what did it cost?
-- grain:    one row per fault that an error code points to
-- counts:   events
-- time:     event time
-- sums:     day
-- depends:  cell_macros, error_code_meanings, faults
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
--           $sender varchar[]; null for all
--           $tag varchar[]; null for all
-- columns:
--   fault             | varchar   | As in table faults.
--   name              | varchar   | Who or what is at fault, in words.
--   who_acts          | varchar   | sender, carrier, provider or nobody.
--   failed            | bigint    | Failed events, count.
--   share             | double    | failed / all failed events, from 0 to 1.
--   segments          | bigint    | Their segments, count.
--   billable_segments | bigint    | Segments whose code is billed, count.
--   unclear_segments  | bigint    | Segments of which it is not documented, count.
--   codes             | integer[] | The most frequent codes, five at most.
--   what_to_do        | varchar   | What helps, in words.
-- notes:    The fault of a code is a judgement, made once for each code in
--           sql/reference/error_codes.csv; so is that of codes that are in no table,
--           by their range. A failure without a code cannot be told. Events without a
--           receipt (9902) are no failures and not in here. Whether a code is billed
--           is documented: codes of carriers are, most of the provider's own are not.
--           A callback without a segment count adds no segments.
-- check:    billable_segments + unclear_segments <= segments
-- check:    unique fault
-- check:    altogether abs(sum(share) - 1) < 1e-9
-- check:    altogether sum(failed) = (
--               select sum(events) from stored_window_counts
--               where outcome = 'failed'
--           )

with

failures as (

    select
        error_code,
        sum(events) as events,
        sum(segments) as segments
    from
        cells_between(
            $since, $until, $country, $application, $carrier, $sender, $tag, false
        )
    where outcome = 'failed'
    group by error_code

),

explained as (

    select
        failures.*,
        coalesce(error_code_meanings.fault, 'unknown') as fault,
        coalesce(error_code_meanings.billable, '?') as billable
    from failures
    left join error_code_meanings
        on failures.error_code = error_code_meanings.error_code

),

summed as (

    select
        fault,
        sum(events) as failed,
        sum(segments) as segments,
        coalesce(sum(segments) filter (where billable = 'YES'), 0) as billable_segments,
        coalesce(sum(segments) filter (where billable = '?'), 0) as unclear_segments,
        list(error_code order by events desc, error_code asc)[:5] as codes
    from explained
    group by fault

)

select
    summed.fault,
    faults.name,
    faults.who_acts,
    summed.failed::bigint as failed,
    summed.failed / sum(summed.failed) over () as share,
    summed.segments::bigint as segments,
    summed.billable_segments::bigint as billable_segments,
    summed.unclear_segments::bigint as unclear_segments,
    summed.codes,
    faults.what_to_do
from summed
left join faults on summed.fault = faults.fault
order by summed.failed desc, summed.fault asc
