"""Checks of Kafka: it answers, its topics are right, its clock is ours."""

from datetime import timedelta

from streams import topics
from streams.stack.doctor.facts import Facts
from streams.stack.doctor.finding import Finding, not_checked, well, wrong

MOST_APART = timedelta(seconds=2)
YOUNG = timedelta(seconds=60)
NO_KAFKA = "Kafka does not answer"
NO_TOPICS = "the topics are not right"


def kafka(facts: Facts) -> Finding:
    """Does Kafka answer, and which is it?"""
    if facts.servers is None:
        return wrong(
            "kafka",
            "none is known",
            "start a stack, or name one with --bootstrap-servers",
        )
    if facts.kafka is None:
        return wrong("kafka", facts.kafka_problem or NO_KAFKA)
    brokers = (
        "1 broker" if facts.kafka.brokers == 1 else f"{facts.kafka.brokers} brokers"
    )
    version = ".".join(map(str, facts.kafka.version))
    return well(
        "kafka",
        f"{facts.servers} answers: cluster {facts.kafka.cluster_id}, {brokers}, "
        f"version {version} or newer",
    )


def topics_are_right(facts: Facts) -> Finding:
    """Are the topics there, with settings under which nothing is lost?"""
    if facts.kafka is None:
        return not_checked("topics", NO_KAFKA)
    if facts.kafka.log is None:
        return wrong("topics", facts.kafka.topics_problem or NO_TOPICS)
    log = facts.kafka.log
    return well(
        "topics",
        f"{topics.CALLBACKS} (log {log.log_id}, {log.partitions} partitions) and "
        f"{topics.WINDOW_COUNTS} are as they have to be",
    )


def clock(facts: Facts) -> Finding:
    """Do Kafka's clock and this machine's agree, as far as a record can tell?"""
    if facts.kafka is None:
        return not_checked("clock", NO_KAFKA)
    newest_at = facts.kafka.newest_at
    if newest_at is not None and newest_at - facts.now > MOST_APART:
        ahead = (newest_at - facts.now).total_seconds()
        return wrong(
            "clock",
            f"Kafka's newest record is {ahead:.1f} s in the future by this machine's "
            f"clock",
            "let the machines set their clocks by NTP; received_at is Kafka's time",
        )
    if _is_here(facts):
        return well("clock", "Kafka runs on this machine: its clock is the same")
    if newest_at is None:
        return not_checked(
            "clock", "Kafka has no record to compare with", "post a callback"
        )
    age = facts.now - newest_at
    if age > YOUNG:
        return not_checked(
            "clock",
            "Kafka's newest record is too old to tell whether this machine's clock is "
            "ahead; it is not behind",
            "post a callback and ask again",
        )
    return well(
        "clock",
        f"Kafka's newest record is {age.total_seconds():.1f} s old: this machine's "
        f"clock is ahead by no more than that, and not behind",
    )


def _is_here(facts: Facts) -> bool:
    """Tell whether the stack's own Kafka is used."""
    return (
        facts.run is not None
        and facts.run.ports.kafka is not None
        and facts.servers == facts.run.bootstrap_servers
    )
