-- table:    error_code_ranges
-- question: What can be said of an error code that is in no table?
-- grain:    one row per range of codes
-- depends:  variable reference_folder
-- columns:
--   from_code | integer | First code of the range.
--   to_code   | integer | Last code of the range.
--   category  | varchar | Whose refusal or fault, by the first two digits.
--   billable  | varchar | YES, NO or ?: by the documented rule for the range.
--   fault     | varchar | Who is most likely at fault.
--   retryable | varchar | Whether sending again may help.
--   meaning   | varchar | What the range says, in words.
-- check:    unique from_code
-- check:    from_code <= to_code

create or replace table error_code_ranges as

select
    from_code,
    to_code,
    category,
    billable,
    fault,
    retryable,
    meaning
from
    read_csv(
        getvariable('reference_folder') || '/error_code_ranges.csv',
        header = true,
        columns = {
            'from_code': integer,
            'to_code': integer,
            'category': varchar,
            'billable': varchar,
            'fault': varchar,
            'retryable': varchar,
            'meaning': varchar
        }
    )
