-- view:     error_code_meanings
-- question: What does each error code mean that was counted or is in a table?
-- grain:    one row per error_code
-- depends:  stored_window_counts, error_codes, smpp_codes, error_code_ranges
-- columns:
--   error_code | integer | Error code as sent.
--   known_by   | varchar | table, smpp, range or none: how its meaning was found.
--   name       | varchar | Name in the provider's table; null unless it is there.
--   meaning    | varchar | What it means, in words.
--   category   | varchar | Whose refusal or fault, by the first two digits.
--   billable   | varchar | YES, NO or ?.
--   fault      | varchar | Who is most likely at fault: a judgement.
--   retryable  | varchar | Whether sending again may help: a judgement.
-- notes:    A code is looked for in error_codes, then as a code of three digits in
--           smpp_codes, then in error_code_ranges. No code is refused.
-- check:    unique error_code
-- check:    not null error_code, known_by, meaning, billable, fault, retryable

create or replace view error_code_meanings as

with

codes as (

    select error_code from stored_window_counts
    where error_code is not null
    union
    select code as error_code from error_codes
    union
    select smpp_code as error_code from smpp_codes

),

looked_up as (

    select
        codes.error_code,
        smpp_codes.smpp_code,
        error_codes.*,
        error_code_ranges.meaning as range_meaning,
        error_code_ranges.category as range_category,
        error_code_ranges.billable as range_billable,
        error_code_ranges.fault as range_fault,
        error_code_ranges.retryable as range_retryable
    from codes
    left join smpp_codes on codes.error_code = smpp_codes.smpp_code
    left join error_codes
        on coalesce(smpp_codes.code, codes.error_code) = error_codes.code
    left join error_code_ranges
        on
            codes.error_code between error_code_ranges.from_code
            and error_code_ranges.to_code

)

select
    error_code,
    case
        when code = error_code then 'table'
        when code is not null then 'smpp'
        when range_meaning is not null then 'range'
        else 'none'
    end as known_by,
    name,
    case
        when status like 'withdrawn%' then friendly || ' (code withdrawn)'
        else coalesce(description, range_meaning, 'not in any table')
    end as meaning,
    coalesce(category, range_category, 'unknown') as category,
    coalesce(billable, range_billable, '?') as billable,
    coalesce(fault, range_fault, 'unknown') as fault,
    coalesce(retryable, range_retryable, 'once') as retryable
from looked_up
