-- macros:   reason_macros
-- question: Which reason does a problem share with others?
-- depends:
-- notes:    reason_of(problem): the problem without indexes of its path, line and
--           column. The same rule is in streams/core/problems.py; a test holds both
--           equal.

create or replace macro reason_of(problem) as
ltrim(
    regexp_replace(
        regexp_replace(problem, ' \(line [0-9]+, column [0-9]+\)$', ''),
        '\[[0-9]+\]',
        '',
        'g'
    ),
    '.: '
);
