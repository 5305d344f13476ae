-- table:    error_codes
-- question: What does an error code in the provider's tables mean?
-- grain:    one row per code
-- depends:  variable reference_folder
-- columns:
--   code             | integer | Error code, four digits.
--   name             | varchar | Name in the provider's table, its description field.
--   description      | varchar | What it means, in our words.
--   friendly         | varchar | What it means, in the provider's words.
--   category         | varchar | Whose refusal or fault, by the first two digits.
--   billable         | varchar | YES, NO or ?.
--   fault            | varchar | Who is most likely at fault: a judgement.
--   retryable        | varchar | Whether sending again may help: a judgement.
--   first_documented | varchar | Month of the first table that holds it.
--   status           | varchar | current, or withdrawn and when.
--   note             | varchar | What is odd about it.
--   source           | varchar | Where it was read.
-- notes:    Never key on the description of a callback: one name can mean two codes,
--           and names have changed.
-- check:    unique code
-- check:    not null code, category, fault, retryable

create or replace table error_codes as

select
    code,
    name,
    description,
    friendly,
    category,
    billable,
    fault,
    retryable,
    first_documented,
    status,
    note,
    source
from
    read_csv(
        getvariable('reference_folder') || '/error_codes.csv',
        header = true,
        columns = {
            'code': integer,
            'name': varchar,
            'description': varchar,
            'friendly': varchar,
            'category': varchar,
            'billable': varchar,
            'fault': varchar,
            'retryable': varchar,
            'first_documented': varchar,
            'status': varchar,
            'note': varchar,
            'source': varchar
        }
    )
