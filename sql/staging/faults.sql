-- table:    faults
-- question: Who is meant by each fault of an error code, and who can do what?
-- grain:    one row per fault
-- depends:  variable reference_folder
-- columns:
--   fault      | varchar | As in error_codes and error_code_ranges.
--   position   | integer | Order in which reports list them.
--   name       | varchar | In words.
--   who_acts   | varchar | sender, carrier, provider or nobody.
--   what_to_do | varchar | What helps, in words.
-- check:    unique fault
-- check:    not null fault, position, name, who_acts, what_to_do

create or replace table faults as

select
    fault,
    position,
    name,
    who_acts,
    what_to_do
from
    read_csv(
        getvariable('reference_folder') || '/faults.csv',
        header = true,
        columns = {
            'fault': varchar,
            'position': integer,
            'name': varchar,
            'who_acts': varchar,
            'what_to_do': varchar
        }
    )
