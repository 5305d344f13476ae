-- macros:   rate_macros
-- question: How sure is a share of a sample, and is the sample large enough?
-- depends:
-- notes:    wilson_low(part, whole), wilson_high(part, whole): bounds of the 95 %
--           Wilson score interval of part / whole, from 0 to 1; null when whole is 0
--           or null.
--           is_enough(whole): whether a share of so many finished messages says
--           anything; from 20 on.
--           The same formulas, and their source, are in streams/core/rates.py; a test
--           holds both equal.

create or replace macro wilson_low(part, whole) as
case
    when whole > 0 and part = 0 then 0.0::double
    when whole > 0
        then least(
            (
                part / whole + 1.959963984540054 ^ 2 / (2 * whole)
                - 1.959963984540054 * sqrt(
                    part / whole * (1 - part / whole) / whole
                    + 1.959963984540054 ^ 2 / (4 * whole ^ 2)
                )
            ) / (1 + 1.959963984540054 ^ 2 / whole),
            part / whole
        )
end;

create or replace macro wilson_high(part, whole) as
case
    when whole > 0 and part = whole then 1.0::double
    when whole > 0
        then greatest(
            (
                part / whole + 1.959963984540054 ^ 2 / (2 * whole)
                + 1.959963984540054 * sqrt(
                    part / whole * (1 - part / whole) / whole
                    + 1.959963984540054 ^ 2 / (4 * whole ^ 2)
                )
            ) / (1 + 1.959963984540054 ^ 2 / whole),
            part / whole
        )
end;

create or replace macro is_enough(whole) as coalesce(whole, 0) >= 20;
