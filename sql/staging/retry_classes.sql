-- table:    retry_classes
-- question: What does it mean for sending again that an error code is of a class?
-- grain:    one row per class
-- depends:  variable reference_folder
-- columns:
--   retryable         | varchar | As in error_codes and error_code_ranges.
--   position          | integer | Order in which reports list them.
--   may_be_sent_again | boolean | Whether the same message may be sent again.
--   what_to_do        | varchar | What to do, in words.
-- check:    unique retryable
-- check:    not null retryable, position, may_be_sent_again, what_to_do

create or replace table retry_classes as

select
    retryable,
    position,
    may_be_sent_again,
    what_to_do
from
    read_csv(
        getvariable('reference_folder') || '/retry_classes.csv',
        header = true,
        columns = {
            'retryable': varchar,
            'position': integer,
            'may_be_sent_again': boolean,
            'what_to_do': varchar
        }
    )
