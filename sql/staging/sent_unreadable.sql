-- view:     sent_unreadable
-- question: Which records of the logs of messages sent make no sense, and why?
-- grain:    one row per record, the same bytes once
-- counts:   records
-- depends:  stored_sent
-- columns:
--   file        | varchar     | File that it was imported from first.
--   line        | bigint      | Its first line in the file, from 1.
--   problem     | varchar     | What is wrong: the field, its value, and why.
--   raw         | varchar     | Its bytes, 64 KiB at most, as text.
--   imported_at | timestamptz | When that import began.
-- notes:    A record of an array of JSON that is not written in lines has line 1.
-- check:    not null file, line, problem, raw, imported_at

create or replace view sent_unreadable as

select
    file,
    line,
    problem,
    coalesce(try(decode(raw)), raw::varchar) as raw,
    imported_at
from stored_sent
where problem is not null
