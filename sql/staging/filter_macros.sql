-- macros:   filter_macros
-- question: Is a value among those that were asked for?
-- depends:
-- notes:    is_asked(value, asked): whether a text is in a list; the empty text in the
--           list stands for values that were not sent. A list that is null asks for
--           all. Reports take --country, --application, --carrier, --sender and --tag
--           as such lists.

create or replace macro is_asked(value, asked) as
asked is null or list_contains(asked, coalesce(value, ''));
