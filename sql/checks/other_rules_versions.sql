-- note:     other_rules_versions
-- question: Which increments were counted by other rules than those of this program?
-- grain:    one row per rules_version other than the current one
-- counts:   events
-- depends:  stored_window_counts
-- params:   $rules_version integer, version of the rules of this program
-- columns:
--   rules_version | integer     | Version of the rules.
--   first_window  | timestamptz | First minute counted by them.
--   last_window   | timestamptz | Last minute counted by them.
--   events        | bigint      | Events counted by them, count.
-- notes:    Not a fault: such minutes are not compared with a recount.

select
    rules_version,
    min(window_start) as first_window,
    max(window_start) as last_window,
    sum(events)::bigint as events
from stored_window_counts
where rules_version <> $rules_version
group by rules_version
order by rules_version
