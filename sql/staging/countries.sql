-- table:    countries
-- question: What is the country of a code called?
-- grain:    one row per country
-- depends:  variable reference_folder
-- columns:
--   country | varchar | ISO 3166-1 alpha-2; AC, TA and XK as telephony uses them.
--   name    | varchar | English name; ZZ is "cannot be told", e.g. of short codes.
-- check:    unique country
-- check:    not null country, name

create or replace table countries as

select
    country,
    name
from
    read_csv(
        getvariable('reference_folder') || '/countries.csv',
        header = true,
        columns = {
            'country': varchar,
            'name': varchar
        }
    )
