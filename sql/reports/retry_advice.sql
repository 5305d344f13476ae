-- report:   retry_advice
-- question: Of the messages that failed, how many may be sent again, and when?
-- grain:    one row per retry class
-- counts:   messages
-- time:     send time
-- depends:  message_macros, error_code_meanings, retry_classes
-- params:   $since timestamptz, inclusive
--           $until timestamptz, exclusive
--           $country varchar[]; null for all
--           $application varchar[]; null for all
--           $carrier varchar[]; null for all
--           $sender varchar[]; null for all
--           $tag varchar[]; null for all
-- columns:
--   retry_class       | varchar   | As in table retry_classes.
--   may_be_sent_again | boolean   | Whether the same message may be sent again.
--   messages          | bigint    | Messages that failed or got no receipt, count.
--   share             | double    | messages / all of these messages, from 0 to 1.
--   segments          | bigint    | Their segments, count.
--   codes             | integer[] | The most frequent codes, five at most.
--   what_to_do        | varchar   | What to do, in words.
-- notes:    A message counts once, by the event that decided; one that was delivered
--           after all is not in here. The class of a code is a judgement, following
--           the provider's rule: codes 4xxx give the same again, 5xxx may pass, 56xx
--           once. Failures without a code are of class once. Report
--           messages_to_send_again lists those that may be sent again.
-- check:    unique retry_class
-- check:    altogether abs(sum(share) - 1) < 1e-9
-- check:    altogether sum(messages) = (
--               select count(*) from messages_between(
--                   $since, $until, null, null, null, null, null
--               )
--               where outcome in ('failed', 'unknown')
--           )

with

undelivered as (

    select
        messages.error_code,
        coalesce(error_code_meanings.retryable, 'once') as retry_class,
        count(*) as messages,
        sum(messages.segment_count) as segments
    from
        messages_between(
            $since, $until, $country, $application, $carrier, $sender, $tag
        ) as messages
    left join error_code_meanings
        on messages.error_code = error_code_meanings.error_code
    where messages.outcome in ('failed', 'unknown')
    group by all

),

summed as (

    select
        retry_class,
        sum(messages) as messages,
        coalesce(sum(segments), 0) as segments,
        list(error_code order by messages desc, error_code asc)[:5] as codes
    from undelivered
    group by retry_class

)

select
    summed.retry_class,
    retry_classes.may_be_sent_again,
    summed.messages::bigint as messages,
    summed.messages / sum(summed.messages) over () as share,
    summed.segments::bigint as segments,
    summed.codes,
    retry_classes.what_to_do
from summed
left join retry_classes on summed.retry_class = retry_classes.retryable
order by retry_classes.position asc, summed.retry_class asc
