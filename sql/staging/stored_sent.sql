-- view:     stored_sent
-- question: What are the rows of table sent in the snapshot that is read?
-- grain:    one row per message and number of the logs imported, and unreadable record
-- counts:   messages, and records that cannot be read
-- depends:  variable sent_files
-- columns:
--   message_id          | varchar     | Provider's id; null if it cannot be read.
--   destination         | varchar     | Number it was sent to; null as above.
--   destination_country | varchar     | ISO 3166 alpha-2; ZZ cannot be told.
--   sent_at             | timestamptz | When it was sent, by the log; null as above.
--   sent_date           | date        | UTC date of sent_at, or of the import.
--   sender              | varchar     | Number or name it was sent from.
--   application_id      | varchar     | Application it was sent with.
--   file                | varchar     | File that it was imported from first.
--   line                | bigint      | Line of the file, from 1.
--   imported_at         | timestamptz | When that import began.
--   problem             | varchar     | Why it cannot be read; null if it can.
--   raw                 | blob        | Bytes of what cannot be read, 64 KiB at most.
-- notes:    The file list is one snapshot of the Delta table, never a glob.

create or replace view stored_sent as

select
    message_id,
    destination,
    destination_country,
    sent_at,
    sent_date,
    sender,
    application_id,
    file,
    line,
    imported_at,
    problem,
    raw
from
    read_parquet(
        getvariable('sent_files'),
        hive_partitioning = true,
        hive_types = {
            'sent_date': date
        }
    )
