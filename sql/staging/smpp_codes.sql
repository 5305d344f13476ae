-- table:    smpp_codes
-- question: Which error code does a code of three digits stand for?
-- grain:    one row per smpp_code
-- depends:  variable reference_folder
-- columns:
--   smpp_code | integer | Code as SMPP carries it, from 1 to 999.
--   code      | integer | The same in table error_codes.
-- check:    unique smpp_code
-- check:    not null smpp_code, code

create or replace table smpp_codes as

select
    smpp_code,
    code
from
    read_csv(
        getvariable('reference_folder') || '/smpp_codes.csv',
        header = true,
        columns = {
            'smpp_code': integer,
            'code': integer
        }
    )
