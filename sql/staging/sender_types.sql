-- table:    sender_types
-- question: Which sender is of which type?
-- grain:    one row per pattern
-- depends:  variable reference_folder
-- columns:
--   priority    | integer | The matching pattern of the lowest priority decides.
--   pattern     | varchar | RE2 expression that matches the whole sender.
--   sender_type | varchar | toll_free, short_code, long_code or alphanumeric.
-- notes:    Macro sender_type_of(sender) is made of it; null for a sender that is null
--           or matches none.
-- check:    unique priority
-- check:    not null priority, pattern, sender_type

create or replace table sender_types as

select
    priority,
    pattern,
    sender_type
from
    read_csv(
        getvariable('reference_folder') || '/sender_types.csv',
        header = true,
        columns = {
            'priority': integer,
            'pattern': varchar,
            'sender_type': varchar
        }
    )
