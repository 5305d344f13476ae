-- macros:   window_macros
-- question: In which window does a time lie?
-- depends:
-- notes:    window_of(time, length): start of the window, a half-open interval of that
--           length, that holds a time. Windows are counted from Monday 2000-01-03 UTC,
--           as time_bucket counts them; null when the length is null. time_bucket
--           gives the same and asks the calendar for each row: thirty times slower
--           with windows of days.

create or replace macro window_of(time, length) as
make_timestamptz(
    epoch_us(time) - (
        (epoch_us(time) - 946857600000000) % epoch_us(length) + epoch_us(length)
    ) % epoch_us(length)
)
