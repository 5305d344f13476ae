-- table:    outcomes
-- question: What does a type of callback, with its error code, say of the message?
-- grain:    one row per event_type and error_code
-- depends:  variable reference_folder
-- columns:
--   event_type | varchar | Callback's type.
--   error_code | integer | The one code the row is about; null for any other or none.
--   outcome    | varchar | delivered, failed, unknown, in_progress, read or inbound.
-- notes:    A type that is not here is other.
-- check:    unique event_type, error_code
-- check:    not null event_type, outcome

create or replace table outcomes as

select
    event_type,
    error_code,
    outcome
from
    read_csv(
        getvariable('reference_folder') || '/outcomes.csv',
        header = true,
        columns = {
            'event_type': varchar,
            'error_code': integer,
            'outcome': varchar
        }
    )
